// The nursery's init: process 1 of its PID namespace. It starts what it is asked to, reaps everything, and tells of
// every end. It leaves when its socket closes, and the kernel then ends every process of the namespace.
#pragma once

#include <string>

#include "injector/base/fd.h"
#include "injector/lab/wire.h"

namespace faultline::lab {

/// Serves `socket` until the other side is gone. `parent` is a pidfd of the process that started us. Never returns.
[[noreturn]] void run_init(Fd socket, Fd parent);

/// What a spawn request asks for.
struct ChildSpec {
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::string user, directory;
};

struct Enclosure;

/// Adds the sbin directories to PATH: services live there, and `su` does not hand them on.
void complete_path();
/// What it makes of PATH.
std::string command_path();

/// Turns the calling process, just forked by the init, into the command. Throws when it cannot; the message says why.
/// `enclosure` and `net` may be null; `output` may be -1.
[[noreturn]] void become(const ChildSpec& spec, const Enclosure* enclosure, const Fd* net, int output);

}  // namespace faultline::lab
