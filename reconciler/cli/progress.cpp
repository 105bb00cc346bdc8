// One line, rewritten or now and then.
#include "reconciler/cli/progress.hpp"

#include <ostream>

namespace genesis::cli {
namespace {

using namespace std::chrono_literals;
constexpr auto every = 5s;
constexpr std::size_t widest = 118;  // columns of a line that is rewritten

std::string line_of(Standing const& s) {
    if (s.all == 1) return s.first;
    auto out = std::to_string(s.done) + " of " + std::to_string(s.all) + " " + s.word;
    if (s.failing > 0) out += ", " + std::to_string(s.failing) + " failing";
    return s.first.empty() ? out : out + "; " + s.first;
}

std::string shortened(std::string text) {
    if (text.size() <= widest) return text;
    text.resize(widest - 3);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80U) != 0) text.pop_back();
    return text + "...";
}

}  // namespace

// One object: each change. Several: when more or fewer fail, and every few seconds.
bool Progress::due(Standing const& standing, std::string const& line) const {
    if (line == last_) return false;
    return standing.all == 1 || standing.failing != failing_ || standing.since - said_ >= every;
}

void Progress::say(Standing const& standing) {
    auto const line = line_of(standing);
    auto const seconds = std::chrono::duration_cast<std::chrono::seconds>(standing.since).count();
    if (console_.terminal) {
        console_.err << "\r\033[K" << shortened("(" + std::to_string(seconds) + " s) " + line) << std::flush;
        dirty_ = true;
        return;
    }
    if (!due(standing, line)) return;
    console_.err << line << '\n' << std::flush;
    last_ = line;
    failing_ = standing.failing;
    said_ = standing.since;
}

void Progress::wipe() {
    if (dirty_) console_.err << "\r\033[K" << std::flush;
    dirty_ = false;
}

}  // namespace genesis::cli
