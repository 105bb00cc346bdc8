// sd-journal behind the header.
#include "drivers/host/journal.hpp"

#include <systemd/sd-journal.h>

#include <memory>

namespace genesis::host {

namespace {

constexpr std::size_t most = 200;
constexpr std::chrono::microseconds wait_longest{200000};
constexpr std::string_view message_field = "MESSAGE=";

struct Close {
    void operator()(sd_journal* journal) const { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

std::vector<std::string> read_on(sd_journal* journal) {
    std::vector<std::string> out;
    while (out.size() < most && sd_journal_next(journal) > 0) {
        void const* data = nullptr;
        std::size_t size = 0;
        if (sd_journal_get_data(journal, "MESSAGE", &data, &size) < 0 || size < message_field.size()) continue;
        out.emplace_back(static_cast<char const*>(data) + message_field.size(), size - message_field.size());
    }
    return out;
}

}  // namespace

std::vector<std::string> written_by(std::string const& unit, Time since) {
    sd_journal* opened = nullptr;
    if (sd_journal_open(&opened, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM) < 0) return {};
    Journal const journal(opened);
    auto const match = "_SYSTEMD_UNIT=" + unit;
    auto const from = std::chrono::microseconds(since.time_since_epoch()).count();
    if (sd_journal_add_match(opened, match.data(), match.size()) < 0 || sd_journal_get_fd(opened) < 0 ||
        sd_journal_seek_realtime_usec(opened, static_cast<std::uint64_t>(from)) < 0)
        return {};
    auto out = read_on(opened);
    if (out.empty() && sd_journal_wait(opened, static_cast<std::uint64_t>(wait_longest.count())) > 0)
        out = read_on(opened);
    return out;
}

}  // namespace genesis::host
