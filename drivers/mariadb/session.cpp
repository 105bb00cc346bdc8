// libmariadb, wrapped once.
#include "drivers/mariadb/session.hpp"

#include <errmsg.h>
#include <mysql.h>

#include <algorithm>

namespace genesis::mariadb {
namespace {

constexpr char const* on_connect =
    "SET SESSION sql_mode='STRICT_ALL_TABLES,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION', lock_wait_timeout=1, "
    "innodb_lock_wait_timeout=1, max_statement_time=0";

using Result = std::unique_ptr<MYSQL_RES, decltype(&mysql_free_result)>;

// Whole seconds, as libmariadb wants them; at least one.
unsigned seconds(Context const& context) {
    auto const left = std::chrono::ceil<std::chrono::seconds>(context.left()).count();
    return static_cast<unsigned>(std::clamp<std::int64_t>(left, 1, 3600));
}

std::vector<std::string> columns_of(MYSQL_RES* result) {
    std::vector<std::string> out;
    for (unsigned i = 0; i < mysql_num_fields(result); ++i) out.emplace_back(mysql_fetch_field_direct(result, i)->name);
    return out;
}

Row row_of(MYSQL_RES* result, MYSQL_ROW cells) {
    auto const* lengths = mysql_fetch_lengths(result);
    Row out(mysql_num_fields(result));
    for (std::size_t i = 0; i < out.size(); ++i)
        if (cells[i] != nullptr) out[i].emplace(cells[i], lengths[i]);
    return out;
}

}  // namespace

struct Session::Wire {
    MYSQL handle{};
    Wire() {
        static bool const ready = mysql_server_init(0, nullptr, nullptr) == 0;  // not safe to run twice at once
        if (!ready || mysql_init(&handle) == nullptr) throw Fault("mariadb: no memory");
    }
    ~Wire() { mysql_close(&handle); }
    Wire(Wire const&) = delete;
    Wire& operator=(Wire const&) = delete;
};

Session::Session(Settings const& settings, Context const& context)
    : wire_(std::make_unique<Wire>()), context_(context) {
    context.check();
    auto* handle = &wire_->handle;
    unsigned const timeout = seconds(context), no = 0, protocol = MYSQL_PROTOCOL_SOCKET;
    mysql_optionsv(handle, MYSQL_OPT_PROTOCOL, &protocol);
    mysql_optionsv(handle, MYSQL_OPT_CONNECT_TIMEOUT, &timeout);
    mysql_optionsv(handle, MYSQL_OPT_READ_TIMEOUT, &timeout);
    mysql_optionsv(handle, MYSQL_OPT_WRITE_TIMEOUT, &timeout);
    mysql_optionsv(handle, MYSQL_OPT_LOCAL_INFILE, &no);
    mysql_optionsv(handle, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    mysql_optionsv(handle, MYSQL_INIT_COMMAND, on_connect);
    if (mysql_real_connect(handle, nullptr, settings.user.c_str(), nullptr, nullptr, 0, settings.socket.c_str(), 0) ==
        nullptr) {
        context.check();
        throw Fault("mariadb: " + std::string(mysql_error(handle)));
    }
}

Session::~Session() = default;

// Errors 2000-2999 are the client's: the connection is of no use any more.
void Session::fail() const {
    auto* handle = &wire_->handle;
    auto const code = mysql_errno(handle);
    auto const text = "mariadb: " + std::string(mysql_error(handle));
    context_.check();
    if (code >= CR_MIN_ERROR && code <= CR_MYSQL_LAST_ERROR) throw Fault(text);
    throw Rejected(code, text);
}

void Session::run(std::string_view statement) {
    context_.check();
    if (mysql_real_query(&wire_->handle, statement.data(), statement.size()) != 0) fail();
}

Table Session::query(std::string_view statement) {
    run(statement);
    Result const result(mysql_store_result(&wire_->handle), &mysql_free_result);
    if (!result) fail();
    Table out{.columns = columns_of(result.get()), .rows = {}};
    out.rows.reserve(mysql_num_rows(result.get()));
    while (MYSQL_ROW cells = mysql_fetch_row(result.get())) out.rows.push_back(row_of(result.get(), cells));
    return out;
}

void Session::begin(std::string_view statement) {
    context_.check();
    if (mysql_send_query(&wire_->handle, statement.data(), statement.size()) != 0) fail();
}

unsigned long Session::number() const { return mysql_thread_id(&wire_->handle); }

}  // namespace genesis::mariadb
