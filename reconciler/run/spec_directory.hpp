// Keeps the store equal to the spec directory: a saved file is validated and applied, a removed one ends its objects.
#pragma once
#include "reconciler/store/admission.hpp"

#include <sys/types.h>

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

// A file that is invalid, empty or cannot be read is reported and its last good version stays in force: only a file
// that is not there is gone. One that somebody is writing is read once that has ended. What the store refuses, such as
// a name that another object has, or cannot write, is tried again with each reading. An object that another file names
// instead has moved there, as with a file that is renamed. Objects that no file names any more are terminated after a
// while, unless a file is not good, in which they may stand, or they are too many at once, or the directory is an empty
// one in which none was seen.
class SpecDirectory {
public:
    struct Removals {
        std::size_t most;                   // at once; of more none is, until an operator deletes them
        std::chrono::milliseconds delay{};  // for which they must have been missing
    };
    SpecDirectory(std::string path, Admission admission, Removals removals, Log& log,
                  std::function<void(Ref const&)> wake);

    void sync();  // reads what changed since the last call; an unreadable directory changes nothing
    // When sync() is to be called again though nothing has changed.
    [[nodiscard]] std::chrono::milliseconds next_sync() const;
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
    std::vector<Entry> parse(std::string const& name, File& file);
    static std::vector<Entry> read(std::string const& name, File& file);
    bool store(std::string const& name, Entry const& entry, std::vector<SpecFileProblem>& problems);
    void store_all(std::string const& name, File& file, std::vector<Entry> entries);
    void retry_refused();
    void log_problems(std::vector<SpecFileProblem> const& problems) const;
    [[nodiscard]] bool is_given_up(Ref const& object, std::string const& source) const;
    [[nodiscard]] std::vector<Object> missing() const;
    [[nodiscard]] std::optional<SpecFileProblem> obstacle(std::vector<Object> const& missing) const;
    void remove_missing();
    void publish_problems();

    std::string path_;
    Admission admission_;
    Removals removals_;
    Log& log_;
    std::function<void(Ref const&)> wake_;
    std::map<std::string, File> files_;
    std::map<Ref, std::chrono::steady_clock::time_point> missing_since_;
    std::optional<std::pair<dev_t, ino_t>> had_files_;  // the directory that some were last seen in
    bool is_lost_ = false;                              // another one, with none: a file system is not mounted
    mutable std::mutex mutex_;
    std::vector<SpecFileProblem> problems_;
    std::optional<SpecFileProblem> unremoved_;  // why missing objects are not removed
    bool stored_ = false;                       // something, in this reading
};

// Calls sync() at start, soon after anything in the directory changed (inotify(7)), when it asks for it, and every
// minute in case no event came. The directory may be replaced by another.
class SpecWatch {
public:
    SpecWatch(std::string path, SpecDirectory& directory, Log& log);
    ~SpecWatch();
    SpecWatch(SpecWatch const&) = delete;
    SpecWatch& operator=(SpecWatch const&) = delete;

private:
    void run();
    [[nodiscard]] bool watch() const;
    [[nodiscard]] bool wait(std::chrono::milliseconds longest) const;
    [[nodiscard]] bool drain() const;
    std::string path_;
    SpecDirectory& directory_;
    int inotify_ = -1, ended_ = -1;  // file descriptors
    std::jthread thread_;
};

}  // namespace genesis
