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
        auto parsed = parse_yaml(path == "-" ? slurp(console_.in, name) : slurp_file(path));
        if (!parsed) return problems(name, "", parsed.error().problems);
        if (parsed->empty()) return problems(name, "", {{"", "empty", "it contains no document"}});
        for (auto& document : *parsed) add(name, std::move(document));
    }
    Read finish() {
        sort_for_storing(read_.documents, [](SpecDocument const& d) -> Spec const& { return d.spec; });
        return std::move(read_);
    }

private:
    void add(std::string const& file, Document written) {
        auto spec = read_spec(written.value);
        if (!spec) return problems(file, written, spec.error().problems);
        ++number_;
        auto const& kind = *spec->kind;
        unique("/" + std::string(kind.schema->key()->name), std::string(kind.schema->kind) + "/" + spec->name, file,
               written);
        if (kind.claims != nullptr)
            for (auto const& claim : kind.claims(spec->value))
                if (claim.from == Claim::exact && !claim.shared)
                    unique(claim.path, claim.space + " " + text_of(claim.value), file, written, Again::here_is_fine);
        read_.documents.push_back({.file = file, .written = std::move(written), .spec = std::move(*spec)});
    }
    enum class Again { never, here_is_fine };  // twice in one document: its kind's own rules are about that
    // One object, and one value that only one may have, is there once in all that is given.
    void unique(std::string const& path, std::string const& what, std::string const& file, Document const& written,
                Again again = Again::never) {
        auto const where = file + ":" + std::to_string(written.line_of(path));
        auto const [at, is_new] = claimed_.try_emplace(what, First{number_, where});
        if (!is_new && (at->second.document != number_ || again == Again::never))
            problems(file, written, {{path, "duplicate", what + " is also in " + at->second.where}});
    }
    void problems(std::string const& file, Document const& written, Problems found) {
        for (auto& problem : found) problem.line = written.line_of(problem.path);
        problems(file, object_named_in(written.value), found);
    }
    void problems(std::string const& file, std::string const& object, Problems const& found) {
        for (auto const& problem : found) console_.err << genesis::sentence(file, object, problem) << '\n';
        read_.ok = false;
    }
    struct First {
        std::size_t document = 0;
        std::string where;
    };
    Console& console_;
    Read read_;
    std::size_t number_ = 0;  // of the document at hand
    std::map<std::string, First> claimed_;
};

}  // namespace

std::string sentence(SpecDocument const& document, Problem problem) {
    problem.line = document.written.line_of(problem.path);
    return genesis::sentence(document.file, document.ref().str(), problem);
}

std::string problem_text(SpecDocument const& document, unsigned status, json::value const& body) {
    std::string out;
    for (auto& problem : problems_in(status, body))
        out += (out.empty() ? "" : "\n") + sentence(document, std::move(problem));
    return out;
}

Read read_documents(std::vector<std::string> const& files, Console& console) {
    Reader reader(console);
    for (auto const& given : files)
        for (auto const& file : expand(given)) reader.file(file);
    return reader.finish();
}

}  // namespace genesis::cli
