# What jq 1.7 has and jaq has not. docs/jq.md says what is still missing.

def IN(s): . as $x | any(s; . == $x);
def IN(source; s): any(source == s; .);
def INDEX(stream; f): reduce stream as $row ({}; .[$row | f | tostring] = $row);
def INDEX(f): INDEX(.[]; f);

def ascii: if isnumber and . >= 0 and . <= 127 then [.] | implode else error("only a number from 0 to 127 is a letter") end;
def join($separator): reduce .[] as $x (null;
    (if . == null then "" else . + $separator end) + ($x | if . == null then "" elif isstring then . else tojson end)) // "";
def toarray: if isarray then . else [.] end;
def trimstr($s): ltrimstr($s) | rtrimstr($s);
def from_entries: reduce .[] as $x ({};
  . + { ($x | if .key != null then .key elif .k != null then .k elif .name != null then .name elif .Name != null then .Name
                elif .Key != null then .Key elif .K != null then .K else null end | if isstring then . else tojson end):
          ($x | if has("value") then .value elif has("v") then .v elif has("Value") then .Value else .V end) });
def with_entries(f): to_entries | map(f) | from_entries;

def date: todate;
def dateadd(unit; n): . + n;
def datesub(unit; n): . - n;

def leaf_paths: paths(scalars);
def recurse_down: recurse;
def isvalid(f): try (f | true) catch false;
def have_literal_numbers: true;
def have_decnum: false;

def tostream: path(def r: (.[]?|r), .; r) as $p | getpath($p) | reduce path(.[]?) as $q ([$p, .]; [$p + $q]);
# jaq makes no object or list out of null by an assignment, and does not lengthen a list.
def _put($path; $value): if $path == [] then $value
  else $path[0] as $key | $path[1:] as $rest
  | if . == null then if $key | isstring then {} else [] end end
  | (.[$key] | _put($rest; $value)) as $new
  | if isarray then .[:$key] + [$new] + .[$key + 1:] else . + { ($key): $new } end end;
def fromstream(f): { x: null, e: false } as $init
  | foreach f as $i ($init;
      if .e then $init end
      | if $i | length == 2
        then _put(["e"]; $i[0] | length == 0) | _put(["x"] + $i[0]; $i[1])
        else _put(["e"]; $i[0] | length == 1) end;
      if .e then .x else empty end);
def truncate_stream(stream): . as $n | null | stream | . as $input
  | if ($input[0] | length) > $n then [$input[0][$n:]] + $input[1:] else empty end;
def truncate_stream($depth; stream): $depth | truncate_stream(stream);

def @csv: [.[]
  | if isstring then "\"" + gsub("\""; "\"\"") + "\""
    elif . == null then ""
    elif isarray or isobject then error("a list or an object is no cell of @csv")
    else tostring end] | join(",");
def @tsv: [.[]
  | if isstring then gsub("\\\\"; "\\\\") | gsub("\t"; "\\t") | gsub("\n"; "\\n") | gsub("\r"; "\\r")
    elif . == null then ""
    elif isarray or isobject then error("a list or an object is no cell of @tsv")
    else tostring end] | join("\t");
