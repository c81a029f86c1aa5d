# Sourced by .ci/run and .ci/nightly: stages with their times, system packages, suites.

# Modules are compiled once, not by every process of every suite.
unset PYTHONDONTWRITEBYTECODE
export CI=true MANDATE_CI=1 PIP_QUIET=1 NO_COLOR=1 DEBIAN_FRONTEND=noninteractive
reports=$PWD/.cache/reports
rm -rf "$reports" .cache/compatibility
mkdir -p "$reports"
times=()
now_running=""

# stage NAME COMMAND…: say what runs, keep how long it took; a failure ends the run.
stage() {
    now_running=$1
    shift
    printf '\n==> %s\n' "$now_running"
    local began=$SECONDS
    "$@"
    times+=("$(printf '%5d s  %s' $((SECONDS - began)) "$now_running")")
    now_running=""
}

report_times() {
    local code=$?
    if [ "$code" -ne 0 ]; then
        printf '\nFAILED in: %s (exit %d)\n' "${now_running:-set-up}" "$code"
        printf '%s\n' "${times[@]}" "$(printf '%5d s  in all' "$SECONDS")"
    fi
}
trap report_times EXIT

# Ends a run that passed: the times, then the sum of all suites, as the last line.
finish() {
    printf '\n'
    printf '%s\n' "${times[@]}" "$(printf '%5d s  in all' "$SECONDS")"
    .venv/bin/python .ci/total.py "$reports"
}

retry() {
    local try
    for try in 1 2 3; do
        "$@" && return 0
        [ "$try" -lt 3 ] && echo "again: $*" >&2 && sleep $((try * 10))
    done
    return 1
}

# Debian packages, by what they bring: nothing is done if all of it is there.
system_packages() {
    local wanted=()
    compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || wanted+=(postgresql)
    [ -x /usr/bin/chromium ] || wanted+=(chromium)
    command -v wrk >/dev/null || wanted+=(wrk)
    command -v npm >/dev/null || wanted+=(npm)
    command -v make >/dev/null || wanted+=(make)
    debian_packages "${wanted[@]}"
}

debian_packages() {
    local wanted=("$@")
    if [ ${#wanted[@]} -eq 0 ]; then
        echo "all there"
        return 0
    fi
    echo "installing: ${wanted[*]}"
    local root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo -E)
    local patient=(-o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 -qq)
    # Old lists name packages that the archive no longer has.
    retry "${root[@]}" apt-get "${patient[@]}" update
    retry "${root[@]}" apt-get "${patient[@]}" install -y --no-install-recommends "${wanted[@]}" \
        </dev/null >"$reports/apt.log" 2>&1 || {
        tail -30 "$reports/apt.log"
        return 1
    }
}

node_packages() {
    MANDATE_NODE_PACKAGES=$(bash .ci/node)
    export MANDATE_NODE_PACKAGES
    export MANDATE_NODE=$MANDATE_NODE_PACKAGES/node_modules/node/bin/node
}

# Environments of agent frameworks, with what their authors' users install.
framework_packages() {
    MANDATE_FRAMEWORKS=$(retry bash .ci/frameworks)
    export MANDATE_FRAMEWORKS
}

# The page of clients says what this run has found.
compatibility() {
    .venv/bin/python -m tests.compatibility --check
}

# The server that the relationship engine is compared with; built the first time, in minutes.
openfga_server() {
    MANDATE_OPENFGA=$(retry bash .ci/openfga)
    export MANDATE_OPENFGA
}

# OpenFGA's command line, for the night alone.
fga_program() {
    MANDATE_FGA=$(retry bash .ci/fga)
    export MANDATE_FGA
}

# Somebody else's authorization server, for the night alone.
keycloak_server() {
    local wanted=()
    command -v java >/dev/null || wanted+=(default-jre-headless)
    command -v mvn >/dev/null || wanted+=(maven)
    debian_packages "${wanted[@]}"
    MANDATE_KEYCLOAK=$(retry bash .ci/keycloak)
    export MANDATE_KEYCLOAK
}

# suite NAME MARKERS [pytest options]: a suite of its own.
suite() {
    local name=$1 markers=$2 code=0
    shift 2
    .venv/bin/python -m pytest -q -m "$markers" --junitxml="$reports/$name.xml" "$@" || code=$?
    if [ "$code" -eq 5 ]; then # pytest found none: the sum of the run still has to count some
        echo "no test is marked: $markers"
        rm -f "$reports/$name.xml"
        code=0
    fi
    return "$code"
}
