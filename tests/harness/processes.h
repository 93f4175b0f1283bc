// Finding processes and namespaces of the machine, to show that nothing outlives us. A marker is a word that no other
// process has in its command line.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

namespace faultline::test {

/// A word that was never used before on this machine.
std::string marker();
/// How many live processes (no zombies) have `word` in their command line.
int processes_with(const std::string& word);
/// The inodes of all namespaces of `kind` ("net", "mnt", …) that some process is in.
std::set<std::uint64_t> namespaces(const std::string& kind);
/// The same for the processes that have `word` in their command line.
std::set<std::uint64_t> namespaces_of(const std::string& word, const std::string& kind);
/// The inode of this process's namespace of `kind`.
std::uint64_t own_namespace(const std::string& kind);
/// Asks every 20 ms for up to 20 s.
bool eventually(const std::function<bool()>& condition);

}  // namespace faultline::test
