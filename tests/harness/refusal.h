// What is refused before a run, since this machine cannot do it.
#pragma once

#include <string>

#include "injector/base/error.h"

namespace faultline::test {

/// Why this machine cannot do what `asks` tries; empty: it can.
template <class Asks>
std::string why_it_cannot_run(const Asks& asks) {
  try {
    asks();
  } catch (const Failure& failure) {
    if (failure.status() != Exit::cannot_run) throw;
    return failure.what();
  }
  return {};
}

}  // namespace faultline::test
