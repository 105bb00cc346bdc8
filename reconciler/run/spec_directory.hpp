// Keeps the store equal to the spec directory: a saved file is validated and applied, a removed one ends its objects.
#pragma once
#include "reconciler/store/admission.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace genesis {

struct SpecFileProblem {
    std::string file, object;  // object: "account/shop", where it is known
    Problem problem;           // with its line
    bool operator==(SpecFileProblem const&) const = default;
};
std::string describe(SpecFileProblem const& problem);  // "shop.yaml:3: account/shop: sites[0].domain: is not a domain"

// A file that is invalid or cannot be read is reported and its last good version stays in force: only a file that is
// not there is gone. What the store refuses, such as a name that another object has, or cannot write, is tried again
// with each reading. Objects whose file no longer names them are terminated, unless they are more than `max_removals`
// at once: then none is, until an operator deletes them.
class SpecDirectory {
public:
    SpecDirectory(std::string path, Admission admission, std::size_t max_removals, Log& log,
                  std::function<void(Ref const&)> wake);

    void sync();  // reads what changed since the last call; an unreadable directory changes nothing
    // From any thread: what was wrong when it was last read.
    [[nodiscard]] std::vector<SpecFileProblem> problems() const;

private:
    struct File {
        std::optional<std::string> text;     // as last read, if it could be
        std::set<Ref> objects;               // of the last good version
        bool good = false, refused = false;  // refused: by the store, which may also be unable to write
        std::vector<SpecFileProblem> problems;
    };
    struct Entry {
        Document document;
        Spec spec;
    };
    void take_in();
    void apply(std::string const& name, File& file);
    static std::vector<Entry> read(std::string const& name, File& file);
    bool store(std::string const& name, Entry const& entry, std::vector<SpecFileProblem>& problems);
    void store_all(std::string const& name, File& file, std::vector<Entry> entries);
    void retry_refused();
    void log_problems(std::vector<SpecFileProblem> const& problems) const;
    void remove_missing();
    void publish_problems();

    std::string path_;
    Admission admission_;
    std::size_t max_removals_;
    Log& log_;
    std::function<void(Ref const&)> wake_;
    std::map<std::string, File> files_;
    mutable std::mutex mutex_;
    std::vector<SpecFileProblem> problems_;
    std::optional<SpecFileProblem> unremoved_;  // why missing objects are not removed
    bool stored_ = false;                       // something, in this reading
};

// Calls sync() at start, soon after anything in the directory changed (inotify(7)), and every minute in case no event
// came.
class SpecWatch {
public:
    SpecWatch(std::string const& path, SpecDirectory& directory, Log& log);
    ~SpecWatch();
    SpecWatch(SpecWatch const&) = delete;
    SpecWatch& operator=(SpecWatch const&) = delete;

private:
    void run();
    [[nodiscard]] bool wait(std::chrono::milliseconds longest) const;
    [[nodiscard]] bool drain() const;
    SpecDirectory& directory_;
    Log& log_;
    int inotify_ = -1, ended_ = -1;  // file descriptors
    std::jthread thread_;
};

}  // namespace genesis
