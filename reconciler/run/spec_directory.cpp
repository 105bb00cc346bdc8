// The spec directory: files in, objects out; and the thread that notices when they change.
#include "reconciler/run/spec_directory.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace genesis {
namespace {

constexpr std::size_t largest_file = 16 << 20;  // bytes

bool spec_file(std::filesystem::path const& path) {
    auto const ending = path.extension();
    return (ending == ".yaml" || ending == ".yml" || ending == ".json") && !path.filename().string().starts_with('.');
}

struct Reading {
    std::string text = {};
    std::optional<std::string> unreadable = {};  // why
};

Reading read_file(std::filesystem::path const& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        return {"", error ? "cannot be read: " + error.message() : "is no ordinary file"};
    std::ifstream in(path, std::ios::binary);
    if (!in) return {"", "cannot be opened: " + std::generic_category().message(errno)};
    Reading out;
    out.text.resize(largest_file + 1);
    in.read(out.text.data(), static_cast<std::streamsize>(out.text.size()));
    out.text.resize(static_cast<std::size_t>(in.gcount()));
    out.text.shrink_to_fit();
    if (in.bad()) return {"", "cannot be read"};
    if (out.text.size() > largest_file) return {"", "is larger than " + std::to_string(largest_file >> 20) + " MiB"};
    return out;
}

// Every name that the directory has, readable or not: only what the listing does not have is gone.
std::map<std::string, Reading> read_all(std::string const& directory) {
    std::map<std::string, Reading> out;
    for (auto const& entry : std::filesystem::directory_iterator(directory))
        if (spec_file(entry.path())) out[entry.path().filename().string()] = read_file(entry.path());
    return out;
}

Ref ref_of(Spec const& spec) { return {std::string(spec.kind->schema->kind), spec.name}; }

std::string unremoved(std::size_t objects, std::size_t most, std::string const& first) {
    return std::to_string(objects) + " objects are in no spec file any more, more than " + std::to_string(most) +
           " (max_removals), so none is removed; to remove one: genesisctl take-over " + first +
           " && genesisctl delete " + first + "; to keep it: genesisctl take-over " + first +
           ", or put it back into its file";
}

}  // namespace

SpecDirectory::SpecDirectory(std::string path, Admission admission, std::size_t max_removals, Log& log,
                             std::function<void(Ref const&)> wake)
    : path_(std::move(path)), admission_(admission), max_removals_(max_removals), log_(log), wake_(std::move(wake)) {
    for (auto const& o : admission_.store.objects())  // what each file said when this daemon ran last
        if (o.source.starts_with("file:")) files_[o.source.substr(5)].objects.insert(o.ref);
}

void SpecDirectory::sync() {
    try {
        take_in();
        retry_refused();
        remove_missing();
    } catch (std::exception const& error) {
        log_.write(Level::error, "the spec files were not read to the end; nothing more of them changes for now",
                   {{"why", error.what()}});
    }
    publish_problems();
}

void SpecDirectory::take_in() {
    auto now = read_all(path_);
    std::erase_if(files_, [&](auto const& known) { return !now.contains(known.first); });
    for (auto& [name, reading] : now) {
        auto& file = files_[name];
        auto const before = file.problems;
        if (reading.unreadable) {
            file.text.reset();
            file.good = file.refused = false;
            file.problems = {{name, "", {"", "unreadable", *reading.unreadable}}};
        } else if (file.text != reading.text) {
            file.text = std::move(reading.text);
            apply(name, file);
        }
        if (file.problems != before) log_problems(file.problems);
    }
}

void SpecDirectory::apply(std::string const& name, File& file) {
    file.problems.clear();
    file.refused = false;
    auto entries = read(name, file);
    file.good = file.problems.empty();
    if (!file.good) return;
    sort_for_storing(entries, [](Entry const& entry) -> Spec const& { return entry.spec; });
    file.objects.clear();
    for (auto const& entry : entries) file.objects.insert(ref_of(entry.spec));
    file.refused = true;  // until all are stored, also when the store throws
    store_all(name, file, std::move(entries));
}

std::vector<SpecDirectory::Entry> SpecDirectory::read(std::string const& name, File& file) {
    std::vector<Entry> out;
    auto documents = parse_yaml(*file.text);
    if (!documents) {
        for (auto& problem : documents.error().problems) file.problems.push_back({name, "", std::move(problem)});
        return out;
    }
    std::set<Ref> named;
    for (auto& document : *documents) {
        auto spec = read_spec(document.value);
        if (spec && !named.insert(ref_of(*spec)).second) {
            file.problems.push_back({name,
                                     ref_of(*spec).str(),
                                     {"/name", "duplicate", "is in this file twice", document.line_of("/name")}});
            continue;
        }
        if (spec) {
            out.push_back({std::move(document), std::move(*spec)});
            continue;
        }
        for (auto& problem : spec.error().problems) {
            problem.line = document.line_of(problem.path);
            file.problems.push_back({name, object_named_in(document.value), std::move(problem)});
        }
    }
    return out;
}

// What one takes another may give up, so what is refused is tried again as long as others are stored.
void SpecDirectory::store_all(std::string const& name, File& file, std::vector<Entry> entries) {
    for (auto open = entries.size() + 1; !entries.empty() && entries.size() < open;) {
        open = entries.size();
        file.problems.clear();
        std::erase_if(entries, [&](Entry const& entry) { return store(name, entry, file.problems); });
    }
    file.refused = !entries.empty();
}

bool SpecDirectory::store(std::string const& name, Entry const& entry, std::vector<SpecFileProblem>& problems) {
    auto const ref = ref_of(entry.spec);
    AdmissionOptions options;
    options.source = "file:" + name;
    auto const result = [&] {
        try {
            return admit(admission_, entry.spec, options);
        } catch (std::exception const& error) {
            problems.push_back({name, ref.str(), {"", "store", error.what()}});
            throw;
        }
    }();
    if (result) {
        if (result->how == Wrote::unchanged) return true;
        stored_ = true;
        wake_(ref);
        return true;
    }
    auto found = result.error().problems;
    if (found.empty()) found.push_back({"", result.error().code, result.error().text});
    for (auto& problem : found) {
        problem.line = entry.document.line_of(problem.path);
        problems.push_back({name, ref.str(), std::move(problem)});
    }
    return false;
}

// A name that an object of one file takes may have been given up in another, or in the meantime. Each round but the
// last stores something that was refused before.
void SpecDirectory::retry_refused() {
    std::size_t rounds = 1;
    for (auto const& [name, file] : files_)
        if (file.refused) rounds += file.objects.size();
    do {
        stored_ = false;
        for (auto& [name, file] : files_) {
            if (!file.refused) continue;
            auto const before = file.problems;
            apply(name, file);
            if (file.problems != before) log_problems(file.problems);
        }
    } while (stored_ && --rounds > 0);
}

void SpecDirectory::log_problems(std::vector<SpecFileProblem> const& problems) const {
    for (auto const& p : problems)
        log_.write(Level::error, "a spec file is not in force as it stands",
                   {{"file", p.file},
                    {"line", std::to_string(p.problem.line)},
                    {"object", p.object},
                    {"path", p.problem.path},
                    {"problem", p.problem.text}});
}

void SpecDirectory::remove_missing() {
    std::vector<Object> missing;
    for (auto& o : admission_.store.objects()) {
        if (!o.source.starts_with("file:") || o.terminating) continue;
        auto const file = files_.find(o.source.substr(5));
        bool const named = file != files_.end() && (!file->second.good || file->second.objects.contains(o.ref));
        if (!named) missing.push_back(std::move(o));
    }
    unremoved_.reset();
    if (missing.size() > max_removals_) {
        unremoved_ = {missing.front().source.substr(5),
                      "",
                      {"", "removal_limit", unremoved(missing.size(), max_removals_, missing.front().ref.str())}};
        log_.write(Level::error, "too many objects have lost their spec file; none is removed",
                   {{"objects", std::to_string(missing.size())}, {"max_removals", std::to_string(max_removals_)}});
        return;
    }
    for (auto const& o : missing) {
        auto const result = admission_.store.remove(o.ref, std::nullopt, o.source);
        log_.write(Level::warning, "an object's spec file is gone; it is being removed",
                   {{"object", o.ref.str()}, {"source", o.source}});
        if (result) wake_(o.ref);
    }
}

void SpecDirectory::publish_problems() {
    std::vector<SpecFileProblem> all;
    for (auto const& [name, file] : files_) all.insert(all.end(), file.problems.begin(), file.problems.end());
    if (unremoved_) all.push_back(*unremoved_);
    std::lock_guard lock(mutex_);
    problems_ = std::move(all);
}

std::vector<SpecFileProblem> SpecDirectory::problems() const {
    std::lock_guard lock(mutex_);
    return problems_;
}

std::string describe(SpecFileProblem const& p) { return sentence(p.file, p.object, p.problem); }

SpecWatch::SpecWatch(std::string const& path, SpecDirectory& directory, Log& log)
    : directory_(directory),
      log_(log),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      ended_(eventfd(0, EFD_CLOEXEC)) {
    auto const events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
    if (ended_ < 0) throw Fault("cannot make an eventfd");
    if (inotify_ < 0 || inotify_add_watch(inotify_, path.c_str(), static_cast<std::uint32_t>(events)) < 0)
        log_.write(Level::warning, "the spec directory cannot be watched; it is read once a minute", {{"path", path}});
    thread_ = std::jthread([this] { run(); });
}

SpecWatch::~SpecWatch() {
    (void)eventfd_write(ended_, 1);
    thread_.join();
    if (inotify_ >= 0) close(inotify_);
    close(ended_);
}

// True when the watch ends; waits no longer than so.
bool SpecWatch::wait(std::chrono::milliseconds longest) const {
    std::array<pollfd, 2> ready{pollfd{ended_, POLLIN, 0}, pollfd{inotify_, POLLIN, 0}};  // fd -1: not looked at
    poll(ready.data(), ready.size(), static_cast<int>(longest.count()));
    return (ready[0].revents & POLLIN) != 0;
}

bool SpecWatch::drain() const {
    std::array<char, 4096> events{};
    bool any = false;
    while (inotify_ >= 0 && read(inotify_, events.data(), events.size()) > 0) any = true;
    return any;
}

void SpecWatch::run() {
    using namespace std::chrono_literals;
    constexpr auto together = 50ms;  // an editor's several writes are one change
    directory_.sync();
    while (!wait(60s)) {
        if (drain()) {
            std::this_thread::sleep_for(together);
            (void)drain();
        }
        directory_.sync();
    }
}

}  // namespace genesis
