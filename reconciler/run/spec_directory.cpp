// The spec directory: files in, objects out; and the thread that notices when they change.
#include "reconciler/run/spec_directory.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>

namespace genesis {
namespace {

constexpr std::size_t largest_file = 16 << 20;  // bytes
constexpr std::string_view file_source = "file:";
constexpr std::chrono::milliseconds every{60000};

bool spec_file(std::filesystem::path const& path) {
    auto const ending = path.extension();
    return (ending == ".yaml" || ending == ".yml" || ending == ".json") && !path.filename().string().starts_with('.');
}

struct Reading {
    std::string text = {};
    std::optional<std::string> unreadable = {};  // why
    bool is_written = false;                     // somebody has it open for writing: it is read once that has ended
};

// A file that nobody opens for writing while it is read: the kernel refuses the lease while somebody has it open so
// (fcntl(2), F_SETLEASE). On a file system without leases it is read as it is.
class LeasedFile {
public:
    explicit LeasedFile(char const* path) : file_(::open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) {
        if (file_ < 0) return;
        (void)::fcntl(file_, F_SETSIG, SIGURG);  // that somebody waits for it is ignored: it is over in a moment
        is_written_ = ::fcntl(file_, F_SETLEASE, F_RDLCK) != 0 && errno == EAGAIN;
    }
    ~LeasedFile() {
        if (file_ >= 0) ::close(file_);  // ends the lease
    }
    LeasedFile(LeasedFile const&) = delete;
    LeasedFile& operator=(LeasedFile const&) = delete;
    [[nodiscard]] int get() const { return file_; }  // below 0 where it cannot be opened: errno says why
    [[nodiscard]] bool is_written() const { return is_written_; }

private:
    int file_;
    bool is_written_ = false;
};

std::string error_text() { return std::generic_category().message(errno); }

Reading read_file(std::filesystem::path const& path) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error))
        return {"", error ? "cannot be read: " + error.message() : "is no ordinary file"};
    LeasedFile const file(path.c_str());
    if (file.get() < 0) return {"", "cannot be opened: " + error_text()};
    if (file.is_written()) return {.is_written = true};
    Reading out;
    std::array<char, 65536> part{};
    while (out.text.size() <= largest_file) {
        auto const got = ::read(file.get(), part.data(), part.size());
        if (got < 0) return {"", "cannot be read: " + error_text()};
        if (got == 0) return out;
        out.text.append(part.data(), static_cast<std::size_t>(got));
    }
    return {"", "is larger than " + std::to_string(largest_file >> 20) + " MiB"};
}

// Every name that the directory has, readable or not: only what the listing does not have is gone.
std::map<std::string, Reading> read_all(std::string const& directory) {
    std::map<std::string, Reading> out;
    for (auto const& entry : std::filesystem::directory_iterator(directory))
        if (spec_file(entry.path())) out[entry.path().filename().string()] = read_file(entry.path());
    return out;
}

std::optional<std::pair<dev_t, ino_t>> identity_of(std::string const& directory) {
    struct stat seen {};
    if (::stat(directory.c_str(), &seen) != 0) return std::nullopt;
    return std::pair{seen.st_dev, seen.st_ino};
}

Ref ref_of(Spec const& spec) { return {std::string(spec.kind->schema->kind), spec.name}; }

std::string unremoved(std::size_t objects, std::size_t most, std::string const& first) {
    return std::to_string(objects) + " objects are in no spec file any more, more than " + std::to_string(most) +
           " (max_removals), so none is removed; to remove one: genesisctl take-over " + first +
           " && genesisctl delete " + first + "; to keep it: genesisctl take-over " + first +
           ", or put it back into its file";
}

}  // namespace

SpecDirectory::SpecDirectory(std::string path, Admission admission, Removals removals, Log& log,
                             std::function<void(Ref const&)> wake)
    : path_(std::move(path)), admission_(admission), removals_(removals), log_(log), wake_(std::move(wake)) {
    for (auto const& o : admission_.store.objects())  // what each file said when this daemon ran last
        if (o.source.starts_with(file_source)) files_[o.source.substr(file_source.size())].objects.insert(o.ref);
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

// All are read before any is stored: what one names no longer another may name now.
void SpecDirectory::take_in() {
    auto now = read_all(path_);
    auto const directory = identity_of(path_);
    if (!now.empty()) had_files_ = directory;
    is_lost_ = now.empty() && had_files_ != directory;
    std::erase_if(files_, [&](auto const& known) { return !now.contains(known.first); });
    std::map<std::string, std::vector<Entry>> changed;
    std::map<std::string, std::vector<SpecFileProblem>> before;
    for (auto& [name, reading] : now) {
        auto& file = files_[name];
        before[name] = file.problems;
        if (reading.is_written) continue;  // what it said before stays in force
        if (reading.unreadable) {
            file.text.reset();
            file.good = file.refused = false;
            file.problems = {{name, "", {"", "unreadable", *reading.unreadable}}};
        } else if (file.text != reading.text) {
            file.text = std::move(reading.text);
            changed.emplace(name, parse(name, file));
        }
    }
    for (auto& [name, entries] : changed)
        if (auto& file = files_.at(name); file.good) store_all(name, file, std::move(entries));
    for (auto const& [name, file] : files_)
        if (file.problems != before[name]) log_problems(file.problems);
}

// A file that said something and is empty now has lost it: only what is not there ends its objects.
std::vector<SpecDirectory::Entry> SpecDirectory::parse(std::string const& name, File& file) {
    file.problems.clear();
    file.refused = false;
    auto entries = read(name, file);
    if (file.problems.empty() && entries.empty() && !file.objects.empty())
        file.problems.push_back({name, "", {"", "empty", "says nothing any more; to end its objects remove the file"}});
    file.good = file.problems.empty();
    if (!file.good) return {};
    file.refused = true;  // until all are stored, also when the store throws
    sort_for_storing(entries, [](Entry const& entry) -> Spec const& { return entry.spec; });
    file.objects.clear();
    for (auto const& entry : entries) file.objects.insert(ref_of(entry.spec));
    return entries;
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
    if (auto const stored = admission_.store.find(ref)) options.take_over = is_given_up(ref, stored->source);
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

// By its file, which is gone or names it no longer: the object has moved to another one, or the file has been renamed.
bool SpecDirectory::is_given_up(Ref const& object, std::string const& source) const {
    if (!source.starts_with(file_source)) return false;
    auto const file = files_.find(source.substr(file_source.size()));
    return file == files_.end() || (file->second.good && !file->second.objects.contains(object));
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
            if (auto entries = parse(name, file); file.good) store_all(name, file, std::move(entries));
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

// Objects that no file names, also none that the store refused or that says it wrongly now.
std::vector<Object> SpecDirectory::missing() const {
    std::set<Ref> named;
    for (auto const& [name, file] : files_) named.insert(file.objects.begin(), file.objects.end());
    std::vector<Object> out;
    for (auto& o : admission_.store.objects())
        if (o.source.starts_with(file_source) && !o.terminating && !named.contains(o.ref)) out.push_back(std::move(o));
    return out;
}

// Why they are not removed, if they are not: an object that lost its file may have moved to one that cannot be read.
std::optional<SpecFileProblem> SpecDirectory::obstacle(std::vector<Object> const& missing) const {
    auto const lost = std::to_string(missing.size()) + " objects are in no spec file any more";
    if (is_lost_)
        return SpecFileProblem{path_, "", {"", "removals_wait", lost + "; none is removed, for no file was seen here"}};
    auto const bad = std::ranges::find_if(files_, [](auto const& file) { return !file.second.good; });
    if (bad != files_.end())
        return SpecFileProblem{
            bad->first, "", {"", "removals_wait", lost + "; none is removed until this file is good"}};
    if (missing.size() <= removals_.most) return std::nullopt;
    auto const first = missing.front().ref.str();
    return SpecFileProblem{missing.front().source.substr(file_source.size()),
                           "",
                           {"", "removal_limit", unremoved(missing.size(), removals_.most, first)}};
}

// Those that have been missing for a while: a file that is replaced in two steps is gone for a moment.
void SpecDirectory::remove_missing() {
    auto const lost = missing();
    auto const now = std::chrono::steady_clock::now();
    std::map<Ref, std::chrono::steady_clock::time_point> since;
    for (auto const& object : lost) {
        auto const known = missing_since_.find(object.ref);
        since.emplace(object.ref, known == missing_since_.end() ? now : known->second);
    }
    missing_since_ = std::move(since);
    auto const before = std::exchange(unremoved_, lost.empty() ? std::nullopt : obstacle(lost));
    if (unremoved_ && unremoved_ != before) log_problems({*unremoved_});
    if (unremoved_) return;
    for (auto const& object : lost) {
        if (now - missing_since_.at(object.ref) < removals_.delay) continue;
        auto const result = admission_.store.remove(object.ref, std::nullopt, object.source);
        log_.write(Level::warning, "an object's spec file is gone; it is being removed",
                   {{"object", object.ref.str()}, {"source", object.source}});
        missing_since_.erase(object.ref);
        if (result) wake_(object.ref);
    }
}

std::chrono::milliseconds SpecDirectory::next_sync() const {
    return missing_since_.empty() || unremoved_ ? every : removals_.delay;
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

SpecWatch::SpecWatch(std::string path, SpecDirectory& directory, Log& log)
    : path_(std::move(path)),
      directory_(directory),
      inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      ended_(eventfd(0, EFD_CLOEXEC)) {
    if (ended_ < 0) throw Fault("cannot make an eventfd");
    if (!watch())
        log.write(Level::warning, "the spec directory cannot be watched; it is read once a minute", {{"path", path_}});
    thread_ = std::jthread([this] { run(); });
}

// Of what stands at the path now: another directory may have taken its place.
bool SpecWatch::watch() const {
    constexpr auto events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MOVE_SELF | IN_DELETE_SELF;
    return inotify_ >= 0 && inotify_add_watch(inotify_, path_.c_str(), static_cast<std::uint32_t>(events)) >= 0;
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
    for (auto next = directory_.next_sync(); !wait(next);) {
        if (drain()) {
            std::this_thread::sleep_for(together);
            (void)drain();
        }
        bool const watched = watch();
        directory_.sync();
        next = watched ? directory_.next_sync() : std::min<std::chrono::milliseconds>(1s, directory_.next_sync());
    }
}

}  // namespace genesis
