"""The POSIX shell scripts that `remote` runs on a host, most of them about one attempt at a command.

All but ATTEMPT are for `Connection.shell` or `Connection.stream`, which give them `$1`, `$2` and so on, and end them at
the first command that fails. An attempt's folder: FOLDER/runs/ID/ATTEMPT/{attempt.sh, started, pid, log, listing, exit}
"""

# Prints the absolute path of the host's folder; $1 is that folder, absolute or from the home folder, made if need be.
PREPARE = """
for needed in rsync setsid sha256sum xargs; do
  command -v $needed > /dev/null || { echo "the command $needed is missing there" >&2; exit 1; }
done
mkdir -p "$1"; cd "$1"; pwd -P
"""

# Prints `yes` if the attempt was started, else nothing; $1 is the attempt's folder, which need not be there.
HAS_STARTED = '[ ! -e "$1/started" ] || echo yes'

# Prints nothing, but writes what the attempt's folder has; a template: {attempt}, {code} and {output} are quoted paths,
# {command} and {listing} (`sending.LISTING`) are commands.
# `mkdir` succeeds once: whoever starts it again, because the connection broke, starts nothing.
ATTEMPT = """cd {attempt} && mkdir started 2> /dev/null || exit 0
: > log
echo "$$ $(cut -d' ' -f22 /proc/$$/stat) $(uname -n)" > pid.new && mv pid.new pid
(cd {code} && {command}) > log 2>&1 < /dev/null
code=$?
if [ $code = 0 ]; then
  (cd {output} && {listing}) > listing 2>> log || code=1
fi
echo $code > exit.new && mv exit.new exit
"""

# Prints nothing, and ends once the attempt has begun; $1 is the attempt's folder, $2 the text of ATTEMPT, filled in, $3
# the output folder, and $4 `keep` if what an earlier attempt left in it is to stay there, or else `remove`.
START = """
mkdir -p "$1"; cd "$1"
[ "$4" = keep ] || [ -e started ] || rm -rf "$3"
printf %s "$2" > attempt.sh
setsid sh attempt.sh > /dev/null 2>&1 < /dev/null &
n=0
while [ ! -f pid ]; do
  [ $n -lt 100 ] || { echo "the command did not start within 10 s" >&2; exit 1; }
  n=$((n + 1)); sleep 0.1
done
"""

# Prints nothing, but defines `running` for what follows in the same script; $1 is the attempt's folder.
# It tells whether the shell of the attempt, $pid, lives. One on another node of a cluster is believed to.
_RUNNING = """
cd "$1"
running() {
  [ ! -f exit ] && [ -f pid ] && read -r pid began node < pid || return 1
  [ "$node" = "$(uname -n)" ] || return 0
  [ "$(cut -d' ' -f22 /proc/$pid/stat 2> /dev/null)" = "$began" ] && ! grep -q ') Z' /proc/$pid/stat
}
"""

# Prints the bytes of the log as they come, until the attempt has ended; $1 is the attempt's folder, $2 the number of
# bytes that are here already.
FOLLOW = f"""{_RUNNING}
seen=$2
while :; do
  if running; then more=1; else more=; fi
  size=$(wc -c < log)
  if [ "$size" -gt "$seen" ]; then
    tail -c +$((seen + 1)) log | head -c $((size - seen))
    seen=$size
  fi
  [ "$more" ] || break
  sleep 0.5
done
"""

# Prints `running`, or the exit code if it has ended, or `lost` if it was killed; $1 is the attempt's folder.
STATE = f"""{_RUNNING}
if running; then echo running; elif [ -f exit ]; then cat exit; else echo lost; fi
"""

# Prints nothing, and ends the attempt with all its processes, by force after 10 s, or keeps it from ever starting; $1
# is the attempt's folder, which need not be there.
KILL = f"""[ -d "$1" ] || exit 0
{_RUNNING}
if mkdir started 2> /dev/null || ! running; then exit 0; fi
kill -TERM -$pid || exit 0
n=0
while kill -0 -$pid 2> /dev/null && running && [ $n -lt 50 ]; do n=$((n + 1)); sleep 0.2; done
kill -KILL -$pid 2> /dev/null || true
"""

# Prints nothing, and removes the folder or file $1, whether it is there or not.
REMOVE = 'rm -rf "$1"'
