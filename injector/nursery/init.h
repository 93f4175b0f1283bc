// The nursery's init: process 1 of its PID namespace. It starts what it is asked to, reaps everything, and tells of
// every end. It leaves when its socket closes, and the kernel then ends every process of the namespace.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "injector/base/fd.h"
#include "injector/nursery/wire.h"

namespace faultline::nursery {

/// Serves `socket` until the other side is gone. `parent` is a pidfd of the process that started us. Never returns.
[[noreturn]] void run_init(Fd socket, Fd parent);

/// What a spawn request asks for.
struct ChildSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::string user, directory;
};

struct Enclosure;

/// Turns the calling process into the command, with these variables added to its environment, and a PATH that has the
/// sbin folders. Throws "execute: …" when it cannot.
[[noreturn]] void execute(const std::vector<std::string>& argv, const std::map<std::string, std::string>& environment);

/// Why a child could not become the command.
struct NotExecuted : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// Forks; `command` turns the child into one and does not return. Returns once it has taken over. Throws
/// std::system_error when it cannot fork, NotExecuted with what `command` threw.
pid_t fork_into(const std::function<void()>& command);

/// Turns the calling process, just forked by the init, into the command. Throws when it cannot; the message says why.
/// `enclosure` and `net` may be null; `output` may be -1.
[[noreturn]] void become(const ChildSpec& spec, const Enclosure* enclosure, const Fd* net, int output, int errors);

}  // namespace faultline::nursery
