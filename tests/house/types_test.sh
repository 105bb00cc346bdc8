#!/bin/bash
# No two files define a type of the same qualified name: a linker keeps one of them and says nothing (the one-definition
# rule). Types in anonymous namespaces are each file's own.
set -euo pipefail
cd -- "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/../.."
failures=0

ok() { printf 'ok - %s\n' "$1"; }
not_ok() { printf 'not ok - %s\n' "$1"; failures=$((failures + 1)); printf '#   %s\n' "$2"; }
check_is() { if [[ $3 == "$2" ]]; then ok "$1"; else not_ok "$1" "expected: $2"$'\n'"#        got: $3"; fi; }

# types_of FILE...: "genesis::Name FILE" for each type that is defined in a namespace with a name, or in none.
# Specialisations are left out: one of a type that is defined once is defined once as well.
types_of() {
    # shellcheck disable=SC2016
    perl -0777 -ne '
        s{R"([^()\s"]*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\x27(?:\\.|[^\x27\\\n])+\x27|//[^\n]*|/\*.*?\*/}{ }gs;
        s/^[ \t]*#(?:\\\n|[^\n])*//gm;
        my (@blocks, @found);
        my $statement = "";
        for (split /([{};])/) {
            if ($_ eq ";") { $statement = "" }
            elsif ($_ eq "}") { pop @blocks; $statement = "" }
            elsif ($_ ne "{") { $statement .= $_ }
            else {
                my $block = "other";
                $statement =~ s/\btemplate\s*(<(?:[^<>]|(?1))*>)//g;
                $statement =~ s/\[\[.*?\]\]|\balignas\s*\([^)]*\)//g;
                $statement =~ s/\s+/ /g;
                if ($statement =~ /^ ?(?:inline )?namespace ?([\w:]*) ?$/) { $block = "namespace $1" }
                elsif ($statement =~ /^ ?extern *$/) { $block = "extern" }
                elsif (!grep({ /^(other|namespace )$/ } @blocks) &&
                       $statement =~ /^(?:[^()]*? )?(?:struct|class|union|enum(?: class| struct)?) (\w+(?:::\w+)*)(?: final)? ?(?::[^:].*)?$/) {
                    push @found, join("::", (map { /^namespace (.+)/ ? $1 : () } @blocks), $1);
                }
                push @blocks, $block;
                $statement = "";
            }
        }
        print STDERR "$ARGV: a brace is left open\n" if @blocks;
        print "$_ $ARGV\n" for @found;
    ' "$@"
}

# clashes: of what types_of() says, the names that several files have, each with the files.
clashes() {
    sort -u | awk '{ files[$1] = files[$1] " " $2; n[$1]++ } END { for (name in n) if (n[name] > 1) print name ":" files[name] }' | sort
}

planted=$(mktemp -d)
trap 'rm -rf "$planted"' EXIT
cat >"$planted/a.cpp" <<'CPP'
#define OPEN {
namespace genesis {
struct Declared;
struct Once { struct Inner {}; };
template <class T, class U = std::map<T, struct Argument>>
class [[nodiscard]] Clash final : public Base<T> { enum class Kind { one }; };
enum class Words : unsigned char { one };
namespace { struct Hidden {}; namespace deeper { struct Hidden {}; } }
struct Database& function(struct stat const& s) { struct Local {}; auto text = R"sql(struct Raw { " )sql"; }
template <> struct Describe<Once> { char brace = '{', many = 1'000; const char* quoted = "\"{"; };  // {
namespace test { struct Nested {}; }
}  // namespace genesis
namespace genesis::test { struct Once {}; }
CPP
sed 's/struct Nested/union Nested/; s/struct Once/struct Other/g' "$planted/a.cpp" >"$planted/b.hpp"
found=$(cd "$planted" && types_of a.cpp b.hpp 2>&1)
check_is "a type is known by its namespaces, and what is no definition at their level is none" \
    "genesis::Once genesis::Clash genesis::Words genesis::test::Nested genesis::test::Once" \
    "$(sed -n 's/ a\.cpp$//p' <<<"$found" | paste -sd ' ')"
check_is "two definitions of one name are found, of whatever sort" \
    "genesis::Clash: a.cpp b.hpp|genesis::Words: a.cpp b.hpp|genesis::test::Nested: a.cpp b.hpp" \
    "$(clashes <<<"$found" | paste -sd '|')"

mapfile -t files < <(find resources drivers reconciler tests -name '*.cpp' -o -name '*.hpp' | sort)
all=$(types_of "${files[@]}" 2>"$planted/complaints")
check_is "every file is understood to its last brace" "" "$(<"$planted/complaints")"
if (($(wc -l <<<"$all") > 300)); then ok "there are types"; else not_ok "there are types" "$(wc -l <<<"$all")"; fi
check_is "no two files define a type of the same qualified name" "" "$(clashes <<<"$all")"
((failures == 0))
