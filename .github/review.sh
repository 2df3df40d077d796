#!/usr/bin/env bash
# The review of a pull request, step by step: the workflow calls this script, and so can anyone.
#
#   .github/review.sh write origin/main     fetch, rebuild what changed, write review/review.md
#   .github/review.sh publish 12            show it as the comment of pull request 12
#
# write     FUSEHR_REMOTE           address of the DVC remote, in the place of the one in .dvc/config
#           FUSEHR_REMOTE_ENDPOINT  of an S3 server that is not Amazon's
#           FUSEHR_REVIEW_IMAGES    address that images are linked below; else beside the page
# publish   GITHUB_REPOSITORY, GH_TOKEN as GitHub sets them; IMAGES, a folder's name below reviews
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH" PYTHONHASHSEED=0

# Only in this clone (.dvc/config.local), which git ignores.
set_remote() {
    if [ -n "${FUSEHR_REMOTE:-}" ]; then
        dvc remote modify --local local url "$FUSEHR_REMOTE"
    fi
    if [ -n "${FUSEHR_REMOTE_ENDPOINT:-}" ]; then
        dvc remote modify --local local endpointurl "$FUSEHR_REMOTE_ENDPOINT"
    fi
}

write() {
    local base="$1" begin
    git rev-parse --verify --quiet "$base^{commit}" >/dev/null || {
        echo "error: review.sh: expected a git revision, found $base" >&2
        exit 1
    }
    set_remote
    # A remote that is not at hand (a fork has no credentials) costs time, and no result: what cannot be
    # fetched is rebuilt, and what the base cannot tell is called not comparable.
    dvc pull --run-cache --allow-missing ||
        echo "warning: review.sh: the remote did not give all; the rest is rebuilt" >&2
    begin=$SECONDS
    dvc repro --pull --allow-missing
    fusehr review "$base" --seconds "$((SECONDS - begin))" --images-at "${FUSEHR_REVIEW_IMAGES:-}"
}

# Images go to the branch `reviews`, which shares no history with the code: a comment cannot hold them.
push_images() {
    local folder="$1" branch
    branch="$(mktemp -d)"
    if git fetch --quiet origin reviews; then
        git worktree add --quiet --detach "$branch" FETCH_HEAD
    else
        git worktree add --quiet --detach "$branch"
        git -C "$branch" checkout --quiet --orphan reviews-new
        git -C "$branch" rm -r --quiet --force .
    fi
    mkdir -p "$branch/$folder"
    cp review/* "$branch/$folder/"
    git -C "$branch" add --force "$folder"
    if ! git -C "$branch" diff --cached --quiet; then
        git -C "$branch" -c user.name=review -c user.email=review@users.noreply.github.com \
            commit --quiet --message "Add the images of $folder"
        git -C "$branch" push --quiet origin HEAD:refs/heads/reviews
    fi
    git worktree remove --force "$branch"
}

# One comment a pull request: that of an earlier push is replaced.
comment() {
    local number="$1" id comments="repos/$GITHUB_REPOSITORY/issues"
    id="$(gh api --paginate "$comments/$number/comments" \
        --jq '.[] | select(.body | startswith("<!-- fusehr review -->")) | .id' | head -n 1)"
    if [ -n "$id" ]; then
        gh api --method PATCH "$comments/comments/$id" -F body=@review/review.md >/dev/null
    else
        gh api --method POST "$comments/$number/comments" -F body=@review/review.md >/dev/null
    fi
}

case "${1:-}" in
write)
    write "${2:?expected a base revision, for example origin/main}"
    ;;
publish)
    push_images "${IMAGES:?expected a folder name}"
    comment "${2:?expected the number of a pull request}"
    ;;
*)
    echo "usage: $0 write <base revision> | publish <pull request>" >&2
    exit 2
    ;;
esac
