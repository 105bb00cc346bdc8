// The test kind: an object whose one record is made by a job that takes as long as it says.
#pragma once
#include "resources/schema/codec.hpp"

namespace genesis::test {

struct JobObject {
    ObjectName name;
    std::int64_t seconds = 60, limit_seconds = 3600;
    bool fails = false;
    Line note;
};
struct JobRun : JobObject {};

}  // namespace genesis::test

template <class V>
constexpr auto job_fields() {
    using genesis::field, genesis::Attribute;
    return std::tuple{
        genesis::Field<V, genesis::ObjectName>{"name", &V::name, "Its name.", Attribute::key | Attribute::fixed, {}},
        genesis::Field<V, std::int64_t>{"seconds", &V::seconds, "How long it works.", Attribute::none, {.min = 0}},
        genesis::Field<V, std::int64_t>{
            "limit_seconds", &V::limit_seconds, "Is ended after.", Attribute::none, {.min = 1, .max = 3600}},
        genesis::Field<V, bool>{"fails", &V::fails, "Fails at its end.", Attribute::none, {}},
        genesis::Field<V, genesis::Line>{"note", &V::note, "Another note is another job.", Attribute::none, {}},
    };
}
template <>
struct genesis::Describe<genesis::test::JobObject> {
    static constexpr std::string_view kind = "job", doc = "Work that takes a while.";
    static constexpr auto fields = job_fields<genesis::test::JobObject>();
};
template <>
struct genesis::Describe<genesis::test::JobRun> {
    static constexpr std::string_view kind = "job_run", doc = "Work that was done.";
    static constexpr auto fields = job_fields<genesis::test::JobRun>();
};
