// What a machine has of cron: the lines of a tenant's crontab that Genesis keeps.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis {

struct CrontabLine {
    Schedule schedule;
    CronCommand command;
};
template <>
struct Describe<CrontabLine> {
    static constexpr std::string_view kind = "crontab_line", doc = "One line of a crontab.";
    static constexpr auto fields = std::tuple{
        field("schedule", &CrontabLine::schedule, "When.", Attribute::required),
        field("command", &CrontabLine::command, "What /bin/sh runs.", Attribute::required),
    };
};

struct Crontab {
    AccountName owner;
    std::int64_t uid = 0;
    AbsolutePath home;
    std::vector<CrontabLine> lines;
    std::string file = "intact";
};
template <>
struct Describe<Crontab> {
    static constexpr std::string_view kind = "crontab",
                                      doc =
                                          "The block of Genesis in a user's crontab; lines outside of it are the "
                                          "user's own.";
    static constexpr auto fields = std::tuple{
        field("owner", &Crontab::owner, "Whose crontab.", Attribute::key | Attribute::fixed,
              {.refers_to = "unix_user"}),
        field("uid", &Crontab::uid, "The owner's number.", Attribute::required, {.min = 1, .max = 65533}),
        field("home", &Crontab::home, "Where commands start.", Attribute::required, {.refers_to = "directory"}),
        field("lines", &Crontab::lines, "In this order.", Attribute::none, {.most = 50}),
        field("file", &Crontab::file, "\"intact\", or what is wrong with the block or with the file's owner or mode."),
    };
};

}  // namespace genesis
