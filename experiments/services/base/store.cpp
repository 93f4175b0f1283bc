#include "base/store.h"

#include <sqlite3.h>

#include <stdexcept>

namespace demo {

Store::Store(const std::string& file, const char* schema) : file_(file), writes_(schema != nullptr) {
  const int how = schema ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  if (sqlite3_open_v2(file.c_str(), &db_, how | SQLITE_OPEN_FULLMUTEX, nullptr) != SQLITE_OK) {
    const std::string why = sqlite3_errmsg(db_);
    sqlite3_close(db_);
    throw std::runtime_error(file + ": " + why);
  }
  sqlite3_busy_timeout(db_, 5000);
  if (!schema) return;
  run("PRAGMA journal_mode = WAL");
  run("PRAGMA synchronous = FULL");
  if (sqlite3_exec(db_, schema, nullptr, nullptr, nullptr) != SQLITE_OK)
    throw std::runtime_error(file + ": " + sqlite3_errmsg(db_));
}

Store::~Store() { sqlite3_close(db_); }

std::vector<Store::Row> Store::run(const std::string& sql, const std::vector<Value>& values) {
  const std::lock_guard lock(mutex_);
  sqlite3_stmt* statement = nullptr;
  const auto fail = [&] {
    const std::string why = sqlite3_errmsg(db_);
    sqlite3_finalize(statement);
    throw std::runtime_error(file_ + ": " + sql + ": " + why);
  };
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) fail();
  for (int i = 0; i < static_cast<int>(values.size()); i++) {
    const Value& value = values[static_cast<std::size_t>(i)];
    if (const auto* number = std::get_if<std::int64_t>(&value))
      sqlite3_bind_int64(statement, i + 1, *number);
    else
      sqlite3_bind_text(statement, i + 1, std::get<std::string>(value).c_str(), -1, SQLITE_TRANSIENT);
  }
  std::vector<Row> rows;
  int step = 0;
  while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
      row.emplace_back(text ? text : "");
    }
  }
  if (step != SQLITE_DONE) fail();
  sqlite3_finalize(statement);
  return rows;
}

void Store::roll_back() noexcept {
  if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

std::string Store::one(const std::string& sql, const std::vector<Value>& values) {
  const auto rows = run(sql, values);
  return rows.empty() ? "" : rows[0].at(0);
}

}  // namespace demo
