// Which prepared transaction holds what is found out by waiting for it.
#include "drivers/mariadb/prepared.hpp"

#include "drivers/mariadb/sql.hpp"
#include "resources/schema/digest.hpp"

#include <algorithm>
#include <deque>
#include <thread>

namespace genesis::mariadb {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t tables_at_once = 16;  // each costs a connection for the time of a look
constexpr auto remembered = 10s;
constexpr auto settled = 120ms;  // the server renews INNODB_LOCKS no more often than every 100 ms

std::set<std::string> column(Session& session, std::string const& query) {
    std::set<std::string> out;
    for (auto const& row : session.query(query).rows) out.insert(row[0].value_or(""));
    return out;
}

std::string hex(std::string_view bytes) { return "X'" + to_hex(bytes) + "'"; }

// The tenant chose the bytes, so they are spelt in hex; the server's own spelling leaves quotes as they are.
std::set<std::string> names_of_prepared(Session& session) {
    std::set<std::string> out;
    for (auto const& row : session.query("XA RECOVER").rows) {
        auto const bytes = row[3].value_or("");
        auto const length = std::min<std::size_t>(std::stoul(row[1].value_or("0")), bytes.size());
        out.insert(hex(bytes.substr(0, length)) + "," + hex(bytes.substr(length)) + "," + row[0].value_or("1"));
    }
    return out;
}

std::set<std::string> left_by_their_connection(Session& session) {
    return column(session, "SELECT trx_id FROM information_schema.INNODB_TRX WHERE trx_mysql_thread_id = 0");
}

std::set<std::string> holders_of(Session& session, std::string const& database) {
    auto const start = identifier(database) + ".";
    return column(session, "SELECT DISTINCT lock_trx_id FROM information_schema.INNODB_LOCKS WHERE LEFT(lock_table, " +
                               std::to_string(start.size()) + ") = " + literal(start));
}

// All prepared transactions there are, those included that a connection has. A tenant's statement that is shown beside
// them can add to it only, which is the safe side.
std::optional<std::size_t> count_prepared(Session& session) {
    auto const table = session.query("SHOW ENGINE INNODB STATUS");
    auto const text = table.rows.empty() ? "" : table.rows[0].at(2).value_or("");
    if (text.find("... truncated...") != std::string::npos) return std::nullopt;
    std::size_t count = 0;
    for (auto at = text.find("(PREPARED)"); at != std::string::npos; at = text.find("(PREPARED)", at + 1)) ++count;
    return count;
}

std::vector<std::string> tables_of(Session& session, std::vector<std::string> const& databases) {
    std::vector<std::string> out;
    for (auto const& row : session
                               .query("SELECT TABLE_SCHEMA, TABLE_NAME FROM information_schema.TABLES WHERE "
                                      "TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN " +
                                      literals(databases))
                               .rows)
        out.push_back(identifier(row[0].value_or("")) + "." + identifier(row[1].value_or("")));
    return out;
}

// Waits for tables, each in a connection of its own, for as long as it lives: a transaction that holds one shows only
// while somebody waits.
class Waiting {
public:
    Waiting(Settings const& settings, Session& session, Context const& context)
        : settings_(settings), session_(session), context_(context) {}
    ~Waiting() {
        for (auto const& waiting : sessions_) try {
                session_.run("KILL " + std::to_string(waiting.number()));
            } catch (Fault const&) {  // it has ended by itself
            }
    }
    Waiting(Waiting const&) = delete;
    Waiting& operator=(Waiting const&) = delete;

    void wait_for(std::string const& table) {
        auto& waiting = sessions_.emplace_back(settings_, context_);
        waiting.run("SET autocommit = 0, lock_wait_timeout = 1, innodb_lock_wait_timeout = 1");
        waiting.begin("LOCK TABLES " + table + " WRITE");
    }

private:
    Settings const& settings_;
    Session& session_;
    Context const& context_;
    std::deque<Session> sessions_;
};

}  // namespace

void PreparedTransactions::look(Settings const& settings, Session& session, Context const& context,
                                std::vector<std::string> const& databases) {
    auto const tables = tables_of(session, databases);
    Waiting waiting(settings, session, context);
    auto const count = std::min(tables.size(), tables_at_once);
    for (std::size_t i = 0; i < count; ++i) waiting.wait_for(tables[(turn_ + i) % tables.size()]);
    turn_ += count;
    std::this_thread::sleep_for(settled);
    for (auto const& database : databases)
        for (auto const& number : holders_of(session, database))
            holds_.insert_or_assign(number, Held{database, context.clock.steady()});
    left_ = left_by_their_connection(session);
    std::erase_if(holds_, [&](auto const& entry) { return !left_.contains(entry.first); });
}

std::set<std::string> PreparedTransactions::doomed(std::vector<std::string> const& databases, Steady now) const {
    std::set<std::string> out;
    for (auto const& [number, held] : holds_)
        if (now - held.seen < remembered ||
            std::find(databases.begin(), databases.end(), held.database) != databases.end())
            out.insert(number);
    return out;
}

// The names come first: one that is prepared later, under another name, is not rolled back. A name that has no
// transaction of InnoDB has changed nothing that could be lost.
void PreparedTransactions::release(Settings const& settings, Session& session, Context const& context,
                                   std::vector<std::string> const& databases) {
    auto const names = names_of_prepared(session);
    if (names.empty()) return;
    look(settings, session, context, databases);
    if (left_.empty() || doomed(databases, context.clock.steady()) != left_ || count_prepared(session) != left_.size())
        return;
    for (auto const& name : names) try {
            session.run("XA ROLLBACK " + name);
            context.log.write(Level::warning, "a prepared transaction is rolled back: its database is to be dropped",
                              {{"transaction", name}});
        } catch (Rejected const&) {  // somebody has ended it, or it has changed nothing
        }
}

std::string PreparedTransactions::reason(Session& session, Log& log, std::string const& database) {
    auto out = "tables of " + database + " are in use";
    auto const names = names_of_prepared(session);
    if (names.empty()) return out;
    std::string all;
    for (auto const& name : names) all += (all.empty() ? "XA ROLLBACK " : "; XA ROLLBACK ") + name;
    log.write(Level::warning, "a database that is to be dropped is in use; there are prepared transactions",
              {{"database", database}, {"what ends them", all.substr(0, 2000)}});
    return out + "; XA RECOVER shows " + std::to_string(names.size()) +
           " prepared transactions, of several accounts maybe; what ends each of them is in the log";
}

}  // namespace genesis::mariadb
