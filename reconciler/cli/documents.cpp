// Reads spec files and checks them as the daemon would.
#include "reconciler/cli/documents.hpp"

#include "reconciler/cli/output.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace genesis::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t most_bytes = std::size_t{64} << 20U;

std::string slurp(std::istream& in, std::string const& name) {
    std::string text(std::istreambuf_iterator<char>(in), {});
    if (in.bad()) throw Failure(name + ": cannot be read");
    if (text.size() > most_bytes) throw Failure(name + ": is larger than 64 MiB");
    return text;
}

std::string slurp_file(std::string const& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw Failure(path + ": " + std::strerror(errno));  // NOLINT(concurrency-mt-unsafe): one thread
    return slurp(in, path);
}

bool is_spec_file(fs::path const& path) {
    auto const extension = path.extension();
    return !path.filename().string().starts_with(".") &&
           (extension == ".yaml" || extension == ".yml" || extension == ".json");
}

// A directory stands for its spec files, by name; not for what is deeper.
std::vector<std::string> expand(std::string const& file) {
    std::error_code error;
    if (file == "-" || !fs::is_directory(file, error)) return {file};
    std::vector<std::string> out;
    for (auto const& entry : fs::directory_iterator(file, error))
        if (is_spec_file(entry.path())) out.push_back(entry.path().string());
    if (error) throw Failure(file + ": " + error.message());
    if (out.empty()) throw Failure(file + ": it contains no .yaml, .yml or .json file");
    std::sort(out.begin(), out.end());
    return out;
}

class Reader {
public:
    explicit Reader(Console& console) : console_(console) {}
    void file(std::string const& path) {
        auto const name = path == "-" ? "stdin" : path;
        auto const parsed = parse_yaml(path == "-" ? slurp(console_.in, name) : slurp_file(path));
        if (!parsed) return problems(name, parsed.error().problems);
        if (parsed->empty()) return problems(name, {{"", "empty", "it contains no document"}});
        std::size_t number = 0;
        for (auto const& document : *parsed) add(name + ":" + std::to_string(++number), document.value);
    }
    Read finish() {
        sort_for_storing(read_.documents, [](SpecDocument const& d) -> Spec const& { return d.spec; });
        return std::move(read_);
    }

private:
    void add(std::string const& where, json::value const& given) {
        auto spec = read_spec(given);
        if (!spec) return problems(where, spec.error().problems);
        unique("/" + std::string(spec->kind->schema->key()->name),
               std::string(spec->kind->schema->kind) + "/" + spec->name, where);
        if (spec->kind->claims != nullptr)
            for (auto const& claim : spec->kind->claims(spec->value))
                if (claim.from == Claim::exact && !claim.shared)
                    unique(claim.path, claim.space + " " + text_of(claim.value), where, Again::here_is_fine);
        read_.documents.push_back({.where = where, .given = given, .spec = std::move(*spec)});
    }
    enum class Again { never, here_is_fine };  // twice in one document: its kind's own rules are about that
    // One object, and one value that only one may have, is there once in all that is given.
    void unique(std::string const& path, std::string const& what, std::string const& where,
                Again again = Again::never) {
        auto const [at, is_new] = claimed_.emplace(what, where);
        if (!is_new && (at->second != where || again == Again::never))
            problems(where, {{path, "duplicate", what + " is also in " + at->second}});
    }
    void problems(std::string const& where, Problems const& found) {
        print_problems(console_.err, where, found);
        read_.ok = false;
    }
    Console& console_;
    Read read_;
    std::map<std::string, std::string> claimed_;
};

}  // namespace

Read read_documents(std::vector<std::string> const& files, Console& console) {
    Reader reader(console);
    for (auto const& given : files)
        for (auto const& file : expand(given)) reader.file(file);
    return reader.finish();
}

}  // namespace genesis::cli
