// Why Apache does not run, in its own words.
#include "drivers/apache/complaint.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace genesis {

namespace {

// They follow from another line, or are a warning: no name of its own, logs not opened, the configuration failed.
constexpr std::array<std::string_view, 3> no_reasons{"AH00558", "AH00015", "AH00016"};

// Where "AH" and five digits stand; npos where they do not.
std::size_t code_in(std::string_view line) {
    for (auto at = line.find("AH"); at != std::string_view::npos; at = line.find("AH", at + 1)) {
        auto const digits = line.substr(at + 2, 5);
        if (digits.size() == 5 &&
            std::all_of(digits.begin(), digits.end(), [](unsigned char c) { return std::isdigit(c); }))
            return at;
    }
    return std::string_view::npos;
}

bool is_reason(std::string_view line) {
    auto const at = code_in(line);
    return at != std::string_view::npos &&
           std::find(no_reasons.begin(), no_reasons.end(), line.substr(at, 7)) == no_reasons.end();
}

// "[date] [core:emerg] [pid 7:tid 7] (98)Address already in use: AH00072: ...": what follows the brackets.
std::string_view without_brackets(std::string_view line) {
    while (line.starts_with('[')) {
        auto const end = line.find("] ");
        if (end == std::string_view::npos) break;
        line.remove_prefix(end + 2);
    }
    return line;
}

}  // namespace

std::string complaint(std::vector<std::string> const& printed, std::string_view logged, std::optional<pid_t> parent) {
    for (auto const& line : printed)
        if (is_reason(line) || line.find("Syntax error") != std::string::npos) return line;
    auto const of_parent = parent ? "[pid " + std::to_string(*parent) + ":" : std::string();
    while (!logged.empty()) {
        auto const end = std::min(logged.find('\n'), logged.size());
        auto const line = logged.substr(0, end);
        logged.remove_prefix(std::min(end + 1, logged.size()));
        bool const fatal = line.find(":emerg]") != std::string_view::npos;
        bool const of_its_own = !of_parent.empty() && line.find(":error]") != std::string_view::npos &&
                                line.find(of_parent) != std::string_view::npos;
        if ((fatal || of_its_own) && is_reason(line)) return std::string(without_brackets(line));
    }
    return {};
}

}  // namespace genesis
