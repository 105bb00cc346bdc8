// Keeps the store equal to the spec directory: a saved file is validated and applied, a removed one ends its objects.
#pragma once
#include "reconciler/store/admission.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace genesis {

struct SpecFileProblem {
    std::string file;
    std::size_t line = 0;  // where the document starts
    Problem problem;
};

// An invalid file is reported and its last good version stays in force. Objects whose file no longer names them are
// terminated, unless they are more than `max_removals` at once: then none is, until an operator deletes them.
class SpecDirectory {
public:
    SpecDirectory(std::string path, Admission admission, std::size_t max_removals, Log& log,
                  std::function<void(Ref const&)> wake);

    void sync();  // reads what changed since the last call; an unreadable directory changes nothing
    [[nodiscard]] std::vector<SpecFileProblem> problems() const;

private:
    struct File {
        std::string text;
        std::set<Ref> objects;  // of the last good version
        bool good = false;
        std::vector<SpecFileProblem> problems;
    };
    void apply(std::string const& name, File& file);
    void remove_missing();

    std::string path_;
    Admission admission_;
    std::size_t max_removals_;
    Log& log_;
    std::function<void(Ref const&)> wake_;
    mutable std::mutex mutex_;
    std::map<std::string, File> files_;
};

// Calls sync() at start, soon after anything in the directory changed (inotify(7)), and every minute in case no event
// came.
class SpecWatch {
public:
    SpecWatch(std::string const& path, SpecDirectory& directory, Log& log);
    ~SpecWatch();

private:
    void run(std::stop_token const& stop);
    SpecDirectory& directory_;
    Log& log_;
    int inotify_ = -1;
    std::jthread thread_;
};

}  // namespace genesis
