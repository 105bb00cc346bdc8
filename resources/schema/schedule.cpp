// When cron runs something: the five fields of crontab(5), each with its own range, and the words that stand for all.
#include "resources/schema/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace genesis {
namespace {

struct CronField {
    std::string_view name;
    int low, high;
    std::string_view names = {};  // three letters each in lower case, the first one is `low`
};

constexpr std::array<CronField, 5> fields{CronField{"minute", 0, 59}, CronField{"hour", 0, 23},
                                          CronField{"day of month", 1, 31},
                                          CronField{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
                                          CronField{"day of week", 0, 7, "sunmontuewedthufrisat"}};
constexpr std::array<std::string_view, 7> words{"@hourly",  "@daily",  "@midnight", "@weekly",
                                                "@monthly", "@yearly", "@annually"};

std::vector<std::string_view> split(std::string_view text, char by) {
    std::vector<std::string_view> out;
    for (std::size_t at = 0;;) {
        auto const next = text.find(by, at);
        out.push_back(text.substr(at, next - at));
        if (next == std::string_view::npos) return out;
        at = next + 1;
    }
}

std::optional<int> number(std::string_view text) {
    int value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

std::optional<int> value_of(std::string_view text, CronField const& field) {
    if (text.size() == 3 && !field.names.empty()) {
        auto const at = field.names.find(lower(text));
        if (at != std::string_view::npos && at % 3 == 0) return field.low + static_cast<int>(at / 3);
    }
    auto const value = text.size() <= 2 ? number(text) : std::nullopt;
    return value && *value >= field.low && *value <= field.high ? value : std::nullopt;
}

// "0-59", or "1-12 or jan-dec".
std::string range_of(CronField const& field) {
    auto out = std::to_string(field.low) + "-" + std::to_string(field.high);
    if (!field.names.empty())
        out.append(" or ")
            .append(field.names.substr(0, 3))
            .append("-")
            .append(field.names.substr(field.names.size() - 3));
    return out;
}

std::string not_within(std::string_view value, std::string const& range) {
    return (value.empty() ? "a value is missing; it must be within " : std::string(value) + " is not within ") + range;
}

// Of "*", "5", "5-30", "*/10" or "5-30/10".
std::optional<std::string> item_fault(std::string_view item, CronField const& field) {
    auto const slash = item.find('/');
    auto const range = item.substr(0, slash);
    auto const dash = range.find('-');
    if (slash != std::string_view::npos) {
        auto const text = item.substr(slash + 1);
        auto const step = number(text);
        if (!step || *step < 1 || *step > field.high)
            return "the step after / " + not_within(text, "1-" + std::to_string(field.high));
        if (range != "*" && dash == std::string_view::npos)
            return "a step needs * or a range before its /, which " + std::string(item) + " has not";
    }
    if (range == "*") return std::nullopt;
    auto const first = range.substr(0, dash);
    auto const from = value_of(first, field);
    if (!from) return not_within(first, range_of(field));
    if (dash == std::string_view::npos) return std::nullopt;
    auto const last = range.substr(dash + 1);
    auto const to = value_of(last, field);
    if (!to) return not_within(last, range_of(field));
    if (*from > *to) return std::string(range) + " ends before it begins";
    return std::nullopt;
}

std::string invalid(std::string_view what) {
    return std::string(what) + "; a schedule is " + std::string(rules::schedule.says);
}

}  // namespace

std::optional<std::string> rules::schedule_fault(std::string_view text) {
    if (text.starts_with('@')) {
        if (std::find(words.begin(), words.end(), text) != words.end()) return std::nullopt;
        return invalid("is none of the words that begin with @");
    }
    auto const parts = split(text, ' ');
    if (std::any_of(parts.begin(), parts.end(), [](auto part) { return part.empty(); }))
        return invalid("has a space too many");
    if (parts.size() != fields.size()) return invalid("has " + std::to_string(parts.size()) + " of five fields");
    for (std::size_t i = 0; i < fields.size(); ++i)
        for (auto const item : split(parts[i], ','))
            if (auto const fault = item_fault(item, fields[i])) return std::string(fields[i].name) + ": " + *fault;
    return std::nullopt;
}

}  // namespace genesis
