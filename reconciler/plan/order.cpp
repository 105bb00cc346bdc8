// The order of kinds, derived from what they refer to.
#include "reconciler/plan/plan.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace genesis {
namespace {

void collect(Schema const& schema, std::set<std::string>& out);

void collect(Shape const& shape, std::set<std::string>& out) {
    if (shape.record != nullptr) collect(*shape.record, out);
    if (shape.item != nullptr) collect(*shape.item, out);
}

void collect(Schema const& schema, std::set<std::string>& out) {
    for (auto const& f : schema.fields) {
        if (!f.constraint.refers_to.empty()) out.emplace(f.constraint.refers_to);
        collect(f.shape, out);
    }
}

void visit(std::string const& kind, Kinds const& kinds, std::set<std::string>& open, std::vector<std::string>& out) {
    if (std::find(out.begin(), out.end(), kind) != out.end()) return;
    if (!open.insert(kind).second) throw std::logic_error("the kinds refer to each other in a circle at " + kind);
    if (auto it = kinds.find(kind); it != kinds.end()) {
        for (auto const& needed : referred_kinds(*it->second.schema))
            if (needed != kind) visit(needed, kinds, open, out);
        out.push_back(kind);
    }
    open.erase(kind);
}

}  // namespace

std::set<std::string> referred_kinds(Schema const& schema) {
    std::set<std::string> out;
    collect(schema, out);
    return out;
}

std::vector<std::string> making_order(Kinds const& kinds) {
    std::vector<std::string> out;
    std::set<std::string> open;
    for (auto const& [kind, info] : kinds) visit(kind, kinds, open, out);
    return out;
}

}  // namespace genesis
