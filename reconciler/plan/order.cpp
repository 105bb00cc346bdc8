// The order of kinds, derived from what they refer to.
#include "reconciler/plan/plan.hpp"

#include <set>
#include <stdexcept>

namespace genesis {
namespace {

void collect(Schema const& schema, std::set<std::string>& out) {
    for (auto const& f : schema.fields) {
        if (!f.rule.refers_to.empty() && f.rule.refers_to != schema.kind) out.emplace(f.rule.refers_to);
        if (f.shape.form == Form::list && f.shape.item->form == Form::record) collect(*f.shape.item->record, out);
    }
}

void visit(std::string const& kind, Kinds const& kinds, std::set<std::string>& open, std::vector<std::string>& out) {
    if (std::find(out.begin(), out.end(), kind) != out.end()) return;
    if (!open.insert(kind).second) throw std::logic_error("the kinds refer to each other in a circle at " + kind);
    if (auto it = kinds.find(kind); it != kinds.end()) {
        std::set<std::string> needed;
        collect(*it->second.schema, needed);
        for (auto const& n : needed) visit(n, kinds, open, out);
        out.push_back(kind);
    }
    open.erase(kind);
}

}  // namespace

std::vector<std::string> making_order(Kinds const& kinds) {
    std::vector<std::string> out;
    std::set<std::string> open;
    for (auto const& [kind, info] : kinds) visit(kind, kinds, open, out);
    return out;
}

}  // namespace genesis
