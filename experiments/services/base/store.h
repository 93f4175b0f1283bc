// A SQLite file in which what is committed is on disk (write-ahead log, synchronous = FULL): what a service has said
// yes to survives its own kill -9.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

struct sqlite3;

namespace demo {

class Store {
 public:
  using Value = std::variant<std::int64_t, std::string>;
  using Row = std::vector<std::string>;  ///< NULL is empty

  /// Opens or makes it. `schema` is statements that may be run again ("CREATE TABLE IF NOT EXISTS"); nullptr opens what
  /// is there for reading alone. Throws std::runtime_error, as everything here does.
  Store(const std::string& file, const char* schema);
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  /// One statement, its `?` bound in order.
  std::vector<Row> run(const std::string& sql, const std::vector<Value>& values = {});
  /// The first field of the first row; empty without one.
  std::string one(const std::string& sql, const std::vector<Value>& values = {});

  /// What `steps` does to the store happens whole or not at all, and nothing of another thread's comes between.
  template <class Steps>
  auto atomically(const Steps& steps) {
    const std::lock_guard lock(mutex_);
    run(writes_ ? "BEGIN IMMEDIATE" : "BEGIN");
    try {
      if constexpr (std::is_void_v<decltype(steps())>) {
        steps();
        run("COMMIT");
      } else {
        auto result = steps();
        run("COMMIT");
        return result;
      }
    } catch (...) {
      roll_back();
      throw;
    }
  }

 private:
  /// Of some errors (a full disk) SQLite has done so itself. That it cannot be done shall not hide what went wrong
  /// first.
  void roll_back() noexcept;

  std::recursive_mutex mutex_;
  sqlite3* db_ = nullptr;
  const std::string file_;
  const bool writes_;
};

}  // namespace demo
