// What the line does in user space between a read and a write, without the system calls: queue, buffers, gathering.
// Built only where Google Benchmark is installed:
//   cmake --build build --target line_bench && build/line_bench
#include <benchmark/benchmark.h>

#include <cstring>
#include <random>
#include <vector>

#include "injector/line/buffer_pool.h"
#include "injector/line/queue.h"
#include "injector/line/tcp_merge.h"
#include "tests/harness/tcp_segment.h"

namespace faultline::line {
namespace {

// One frame in, one out, with range(0) frames held.
void queue_in_order(benchmark::State& state) {
  Queue queue;
  Frame frame;
  for (auto i = state.range(0); i-- > 0; ++frame.due) queue.push(frame);
  for (auto _ : state) {
    ++frame.due;
    queue.push(frame);
    benchmark::DoNotOptimize(queue.pop());
  }
}
BENCHMARK(queue_in_order)->Arg(1)->Arg(1000)->Arg(1000000);

void queue_with_jitter(benchmark::State& state) {
  Queue queue;
  Frame frame;
  Ns now = 0;
  std::mt19937 random(1);
  std::vector<Ns> jitter(4096);
  for (Ns& j : jitter) j = random() % static_cast<unsigned>(state.range(0) * 2);
  std::size_t next = 0;
  const auto push = [&] {
    frame.due = ++now + jitter[next++ % jitter.size()];
    queue.push(frame);
  };
  for (auto i = state.range(0); i-- > 0;) push();
  for (auto _ : state) {
    push();
    benchmark::DoNotOptimize(queue.pop());
  }
}
BENCHMARK(queue_with_jitter)->Arg(100)->Arg(10000)->Arg(1000000);

// A frame of range(0) bytes copied in and released, with 200 held.
void pool_copy(benchmark::State& state) {
  BufferPool pool(256 << 20);
  const auto length = static_cast<std::uint32_t>(state.range(0));
  std::vector<std::byte> source(length);
  std::vector<std::uint32_t> held(200);
  const auto put = [&](std::uint32_t& place) {
    std::memcpy(pool.room(0), source.data(), length);
    place = pool.take(0, length);
  };
  for (auto& place : held) put(place);
  std::size_t next = 0;
  for (auto _ : state) {
    auto& place = held[next++ % held.size()];
    pool.give_back(place);
    put(place);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(pool_copy)->Arg(100)->Arg(1500)->Arg(65000);

// Per segment, in trains of 44; range(0): IPv6.
void gather_train(benchmark::State& state) {
  std::vector<test::Bytes> originals;
  for (std::uint32_t i = 0; i < 44; ++i) {
    test::Segment s;
    s.v6 = state.range(0) != 0;
    s.id = static_cast<std::uint16_t>(i);
    s.sequence = i * s.payload;
    s.options = test::Bytes(12, std::byte{1});
    originals.push_back(test::build(s));
  }
  std::vector<test::Bytes> train = originals;
  const auto length = static_cast<std::uint32_t>(train[0].size());
  TcpGather gather;
  for (auto _ : state) {
    std::copy_n(originals[0].begin(), 100, train[0].begin());  // finish() edited it
    for (auto& frame : train) benchmark::DoNotOptimize(TcpGather::candidate(frame.data(), length));
    gather.begin(train[0].data(), length);
    for (std::size_t i = 1; i < train.size(); ++i)
      if (!gather.add(train[i].data(), length)) state.SkipWithError("not gathered");
    benchmark::DoNotOptimize(gather.finish());
  }
  state.SetItemsProcessed(state.iterations() * 44);
}
BENCHMARK(gather_train)->Arg(0)->Arg(1);

}  // namespace
}  // namespace faultline::line

BENCHMARK_MAIN();
