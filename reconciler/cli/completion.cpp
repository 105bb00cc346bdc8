// Completion scripts for bash and zsh, made from the table of verbs.
#include "reconciler/cli/cli.hpp"

#include <ostream>
#include <utility>

namespace genesis::cli {
namespace {

std::string options_of(Verb const& verb) {
    static constexpr std::pair<unsigned, std::string_view> const options[]{
        {files | files_required, "-f"},
        {output, "-o"},
        {all_flag, "--all"},
        {purge_flag, "--purge --keep-data"},
        {wait_flag, "--wait"},
        {timeout, "--timeout"},
        {for_what, "--for"},
        {ready_filter, "--ready"},
        {limit_option, "--limit"},
        {take_over_flag, "--take-over"},
        {confirm_flag, "--confirm-removals"},
        {shell_name, "bash zsh"},
        {key_options, "add list rotate revoke --kid --scopes --cidr --comment --not-before --expires --overlap"},
    };
    std::string out = "--help";
    for (auto const& [bits, name] : options)
        if ((verb.takes & bits) != 0) out.append(" ").append(name);
    if ((verb.takes & (kind_or_object | maybe_kind)) != 0)
        for (auto const& kind : object_kinds()) out.append(" ").append(kind.plural);
    if ((verb.takes & (one_object | maybe_object | some_objects | maybe_kind | kind_or_object)) != 0)
        for (auto const& kind : object_kinds()) out.append(" ").append(kind.schema->kind).append("/");
    return out;
}

// After "account/" the names come from the daemon.
constexpr std::string_view script = R"(_genesisctl() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words
    compopt +o nospace 2>/dev/null
    case $before in
        -f | --file) mapfile -t COMPREPLY < <(compgen -f -- "$word"); return ;;
        -o | --output) words="table json yaml spec" ;;
        --for) words="ready gone" ;;
        --ready) words="true false" ;;
        --scopes) words="read account:write vps:write admin" ;;
        *) if ((COMP_CWORD == 1)); then words=$verbs; else words=$(options "${COMP_WORDS[1]}"); fi ;;
    esac
    if [[ $word == */* ]]; then
        words=$(genesisctl get "${word%%/*}" 2>/dev/null | awk 'NR > 1 { print $1 }')
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == */ ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -F _genesisctl genesisctl
)";

std::string replaced(std::string text, std::string_view what, std::string_view with) {
    if (auto const at = text.find(what); at != std::string::npos) text.replace(at, what.size(), with);
    return text;
}

}  // namespace

Exit completion(Call const& call, Console& console) {
    std::string names, cases;
    for (auto const& verb : verbs()) {
        names.append(names.empty() ? "" : " ").append(verb.name);
        cases.append("        ").append(verb.name).append(") echo \"").append(options_of(verb)).append("\" ;;\n");
    }
    if (call.shell == "zsh") console.out << "autoload -U +X bashcompinit && bashcompinit\n";
    console.out << "_genesisctl_options() {\n    case $1 in\n" << cases << "    esac\n}\n";
    console.out << replaced(replaced(std::string(script), "$verbs", "\"" + names + "\""), "$(options ",
                            "$(_genesisctl_options ");
    return fine;
}

}  // namespace genesis::cli
