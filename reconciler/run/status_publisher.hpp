// What there is to say of each object after a pass: a line for each record, and the conditions they add up to.
#pragma once
#include "reconciler/run/record_states.hpp"
#include "reconciler/run/status_cache.hpp"

namespace genesis {

// By object: the lines of its records.
using StatusLines = std::map<Ref, ObjectLines>;

// What a plan says of the records of its objects. `before`: what was known of each before.
StatusLines status_lines(Plan const& plan, Observation const& observed, Kinds const& kinds, RecordStates const& states,
                         OtherRecords const& before, Time now);

// Not thread-safe; the loop's thread owns it. The cache has a status at once, the store with the next flush().
class StatusPublisher {
public:
    StatusPublisher(Objects& store, StatusCache& cache, Clock const& clock)
        : store_(store), cache_(cache), clock_(clock) {}

    // What is stored stands until the object is observed.
    void seed(Object const& object);
    // `busy`: steps on it are under way.
    void publish(Subject const& subject, ObjectLines lines, bool busy);
    void erase(Ref const& object);
    // Writes what changed and is at rest, in one commit.
    std::optional<Versions> flush();

private:
    Objects& store_;
    StatusCache& cache_;
    Clock const& clock_;
    struct Known {
        std::int64_t generation = 0;
        Conditions conditions = std::make_shared<std::vector<Condition>>();
    };
    RefMap<Known> stored_;
    std::vector<StatusUpdate> unsaved_;
};

}  // namespace genesis
