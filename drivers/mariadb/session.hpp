// One connection to MariaDB's unix socket, for one call of the driver.
#pragma once
#include "drivers/context.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace genesis::mariadb {

// The server refused a statement. The text is the server's; statements that carry a verifier check it beforehand, so
// that no syntax error can quote one.
struct Rejected : Fault {
    Rejected(unsigned number, std::string const& text) : Fault(text), code(number) {}
    unsigned code;  // mariadb's error number: 1007 …
};

using Row = std::vector<std::optional<std::string>>;
struct Table {
    std::vector<std::string> columns;
    std::vector<Row> rows;
};

struct Settings {
    std::string socket = "/run/mysqld/mysqld.sock";
    std::string user = "root";  // logged in by the kernel's word (unix_socket)
};

// A fresh connection costs less than keeping one alive: no stale state, and the time-outs are this call's own.
// utf8mb4, a fixed sql_mode, no multi-statements, no LOCAL INFILE, no option file. Waits 1 s at most for a lock that
// somebody holds. Members throw Fault when the connection is lost, Expired when the context's time is up.
class Session {
public:
    Session(Settings const& settings, Context const& context);
    ~Session();
    Session(Session const&) = delete;
    Session& operator=(Session const&) = delete;

    void run(std::string_view statement);     // throws Rejected
    Table query(std::string_view statement);  // throws Rejected
    // Sent, and not waited for: nothing else can be asked of this session any more.
    void begin(std::string_view statement);
    [[nodiscard]] unsigned long number() const;  // as KILL takes it

private:
    struct Wire;
    [[noreturn]] void fail() const;
    std::unique_ptr<Wire> wire_;
    Context const& context_;
};

}  // namespace genesis::mariadb
