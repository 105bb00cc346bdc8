// Opens the database file as it must be and brings its schema up to date.
#pragma once
#include <SQLiteCpp/Database.h>

#include <span>
#include <string>
#include <string_view>

namespace genesis {

// schema.sql, embedded when the program is built.
extern std::string_view const schema_sql;

// Step n brings version n to version n + 1. A published step never changes; a new schema is one more step.
std::span<std::string_view const> migrations();

// WAL, synchronous=FULL (read back, because an acknowledged write must survive a power cut), foreign keys, a busy
// timeout; a new file is the owner's alone. Throws Fault when the file is not a Genesis store, is damaged, or has a
// newer schema than `steps`. Each step is one transaction, its version read again under the write lock.
SQLite::Database open_database(std::string const& path, std::span<std::string_view const> steps = migrations());

}  // namespace genesis
