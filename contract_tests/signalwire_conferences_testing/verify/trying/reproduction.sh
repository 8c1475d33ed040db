set -u
: "${SIGNALWIRE_PROJECT_ID:?}" "${SIGNALWIRE_API_TOKEN:?}"
answer() {  # an answer as {status, headers, body}
  jq -Rs 'def head: index("\r\n\r\n"); until(test("^HTTP/[0-9.]+ 1") | not; .[head + 4:])
    | head as $at | (if $at then .[:$at] | split("\r\n") else [""] end) as $head
    | {status: ($head[0] | split(" ")[1] // "0" | tonumber),
       headers: ([$head[1:][] | capture("^(?<key>[^:]+): *(?<value>.*)$") | .key |= ascii_downcase]
         | from_entries),
       body: ((if $at then .[$at + 4:] else "" end) as $text | try ($text | fromjson) catch $text)}'
}
MADE=()
clean() {  # what this script created is removed; what has another id, or not its mark, is not its own
  for ID in ${MADE[@]+"${MADE[@]}"}; do
    curl -sS -u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN" "@COLLECTION@/$ID" |
      jq -e --arg id "$ID" --arg run "$RUN" '(.id | [., @uri] | any(ascii_downcase == ($id | ascii_downcase)))
        and any(.name, .display_name | strings; contains($run))' >/dev/null 2>&1 &&
      curl -sS -o /dev/null -X DELETE -u "$SIGNALWIRE_PROJECT_ID:$SIGNALWIRE_API_TOKEN" "@COLLECTION@/$ID"
  done
}
trap clean EXIT
