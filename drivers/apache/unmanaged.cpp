// Names that the rest of Apache's configuration serves already.
#include "drivers/apache/unmanaged.hpp"

#include "drivers/host/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <sstream>

namespace genesis {

namespace {

constexpr std::size_t most = 4 << 20;

// Follows links, as Apache does: sites-enabled consists of them. Root's directories, only read.
std::string slurp(std::string const& path) {
    host::Fd const fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    std::string out;
    std::array<char, 16384> part{};
    while (fd && out.size() < most) {
        auto const got = ::read(fd.get(), part.data(), part.size());
        if (got <= 0) break;
        out.append(part.data(), static_cast<std::size_t>(got));
    }
    return out;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    return text;
}

std::vector<std::string> names_in(std::string const& text) {
    std::vector<std::string> out;
    std::istringstream lines(text);
    for (std::string one; std::getline(lines, one);) {
        std::istringstream words(lower(one));
        std::string word;
        if (!(words >> word) || (word != "servername" && word != "serveralias")) continue;
        while (words >> word) {
            std::erase(word, '"');
            out.push_back(word.substr(0, word.find(':')));
        }
    }
    return out;
}

}  // namespace

std::map<std::string, std::string> const& UnmanagedSites::look() {
    std::map<std::string, Stamp> now;
    for (auto const& dir : dirs_) {
        auto const open = host::Dir::try_open(dir);
        if (!open) continue;
        for (auto const& name : open->list()) {
            struct stat there {};
            auto const path = dir + "/" + name;
            if (!name.ends_with(".conf") || ::stat(path.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) continue;
            now[path] = {there.st_ino, there.st_size, there.st_mtim.tv_sec, there.st_mtim.tv_nsec};
        }
    }
    if (now == stamps_) return names_;
    names_.clear();
    for (auto const& [path, stamp] : now)
        for (auto& name : names_in(slurp(path))) names_.emplace(std::move(name), path);
    stamps_ = std::move(now);
    return names_;
}

}  // namespace genesis
