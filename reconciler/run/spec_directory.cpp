// The spec directory: files in, objects out; and the thread that notices when they change.
#include "reconciler/run/spec_directory.hpp"

#include <poll.h>
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

constexpr std::uintmax_t largest_file = 16 << 20;  // bytes

bool spec_file(std::filesystem::path const& path) {
    auto const ending = path.extension();
    return (ending == ".yaml" || ending == ".yml" || ending == ".json") && !path.filename().string().starts_with('.');
}

std::map<std::string, std::string> read_all(std::string const& directory) {
    std::map<std::string, std::string> out;
    for (auto const& entry : std::filesystem::directory_iterator(directory)) {
        if (!spec_file(entry.path()) || !entry.is_regular_file() || entry.file_size() > largest_file) continue;
        std::ifstream in(entry.path(), std::ios::binary);
        std::string text((std::istreambuf_iterator<char>(in)), {});
        if (in.bad()) throw Fault("cannot read " + entry.path().string());
        out[entry.path().filename().string()] = std::move(text);
    }
    return out;
}

}  // namespace

SpecDirectory::SpecDirectory(std::string path, Admission admission, std::size_t max_removals, Log& log,
                             std::function<void(Ref const&)> wake)
    : path_(std::move(path)), admission_(admission), max_removals_(max_removals), log_(log), wake_(std::move(wake)) {
    for (auto const& o : admission_.store.objects())  // what each file said when this daemon ran last
        if (o.source.starts_with("file:")) files_[o.source.substr(5)].objects.insert(o.ref);
}

void SpecDirectory::sync() try {
    auto now = read_all(path_);
    std::lock_guard lock(mutex_);
    for (auto& [name, file] : files_)
        if (!now.contains(name)) file = {"", {}, true, {}};
    for (auto& [name, text] : now) {
        auto& file = files_[name];
        if ((file.good || !file.problems.empty()) && file.text == text) continue;
        file.text = std::move(text);
        apply(name, file);
    }
    remove_missing();
} catch (std::exception const& error) {
    log_.write(Level::error, "the spec directory cannot be read; nothing of it changes", {{"why", error.what()}});
}

void SpecDirectory::apply(std::string const& name, File& file) {
    file.problems.clear();
    std::vector<Spec> specs;
    auto const documents = parse_yaml(file.text);
    auto say = [&](std::size_t line, Problem problem) { file.problems.push_back({name, line, std::move(problem)}); };
    if (!documents) {
        for (auto const& p : documents.error().problems) say(0, p);
    } else {
        for (auto const& d : *documents) {
            auto spec = read_spec(d.value);
            if (spec)
                specs.push_back(std::move(*spec));
            else
                for (auto const& p : spec.error().problems) say(d.line, p);
        }
    }
    file.good = file.problems.empty();
    if (file.good) {
        sort_for_storing(specs, [](Spec const& spec) -> Spec const& { return spec; });
        file.objects.clear();
        for (auto const& spec : specs) {
            Ref const ref{std::string(spec.kind->schema->kind), spec.name};
            file.objects.insert(ref);
            AdmissionOptions options;
            options.source = "file:" + name;
            auto const result = admit(admission_, spec, options);
            if (!result) {
                say(0, {"", result.error().code, ref.str() + ": " + result.error().text});
                for (auto const& p : result.error().problems) say(0, p);
            } else if (result->how != Wrote::unchanged) {
                wake_(ref);
            }
        }
    }
    for (auto const& p : file.problems)
        log_.write(Level::error, "a spec file is not in force as it stands",
                   {{"file", p.file},
                    {"line", std::to_string(p.line)},
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
    if (missing.size() > max_removals_) {
        log_.write(Level::error, "too many objects have lost their spec file; none is removed",
                   {{"objects", std::to_string(missing.size())}, {"max_removals", std::to_string(max_removals_)}});
        return;
    }
    for (auto const& o : missing) {
        auto const result = admission_.store.remove(o.ref, false, o.source);
        log_.write(Level::warning, "an object's spec file is gone; it is being removed",
                   {{"object", o.ref.str()}, {"source", o.source}});
        if (result) wake_(o.ref);
    }
}

std::vector<SpecFileProblem> SpecDirectory::problems() const {
    std::lock_guard lock(mutex_);
    std::vector<SpecFileProblem> out;
    for (auto const& [name, file] : files_) out.insert(out.end(), file.problems.begin(), file.problems.end());
    return out;
}

SpecWatch::SpecWatch(std::string const& path, SpecDirectory& directory, Log& log)
    : directory_(directory), log_(log), inotify_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    auto const events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE;
    if (inotify_ < 0 || inotify_add_watch(inotify_, path.c_str(), static_cast<std::uint32_t>(events)) < 0)
        log_.write(Level::warning, "the spec directory cannot be watched; it is read once a minute", {{"path", path}});
    thread_ = std::jthread([this](std::stop_token const& stop) { run(stop); });
}

SpecWatch::~SpecWatch() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
    if (inotify_ >= 0) close(inotify_);
}

void SpecWatch::run(std::stop_token const& stop) {
    using namespace std::chrono_literals;
    auto const drain = [&] {
        std::array<char, 4096> events{};
        bool any = false;
        while (inotify_ >= 0 && read(inotify_, events.data(), events.size()) > 0) any = true;
        return any;
    };
    directory_.sync();
    auto read_at = std::chrono::steady_clock::now() + 60s;
    while (!stop.stop_requested()) {
        pollfd ready{inotify_, POLLIN, 0};
        poll(&ready, inotify_ >= 0 ? 1 : 0, 200);
        bool const changed = drain();
        if (!changed && std::chrono::steady_clock::now() < read_at) continue;
        if (changed) std::this_thread::sleep_for(50ms);  // an editor's several writes are one change
        drain();
        directory_.sync();
        read_at = std::chrono::steady_clock::now() + 60s;
    }
}

}  // namespace genesis
