#!/usr/bin/env bash
# Runs a sweep through a real Slurm on this machine and compares its result with that of
# one process. Needs Debian's slurm-wlm and munge, and root; its daemons and files are removed
# at the end. One worker receives USR1 in the middle, as before a time limit, and is requeued.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
export PATH="$work:$PATH" SLURM_CONF="$work/slurm.conf"
host=$(hostname -s)
stop() {
  for daemon in slurmd slurmctld munged; do
    [ ! -f "$work/$daemon.pid" ] || kill "$(cat "$work/$daemon.pid")" 2>/dev/null || true
  done
  sleep 1
  rm -rf "$work"
}
trap stop EXIT

dd if=/dev/urandom of="$work/munge.key" bs=1k count=1 status=none
chmod 600 "$work/munge.key"
chmod 755 "$work"
mkdir -p "$work/state" "$work/spool"
munged --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
  --log-file="$work/munged.log" --seed-file="$work/munge.seed"
cat > "$work/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPort=16817
SlurmdPort=16818
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
MinJobAge=300
NodeName=$host NodeAddr=127.0.0.1 CPUs=8 RealMemory=16000 State=UNKNOWN
PartitionName=test Nodes=$host Default=YES MaxTime=INFINITE State=UP
CONF
slurmctld
slurmd
for _ in $(seq 60); do
  [ "$(sinfo -h -o %T 2>/dev/null)" = idle ] && break
  sleep 1
done
[ "$(sinfo -h -o %T)" = idle ] || { echo "Slurm does not start:" >&2; tail -n 20 "$work"/*.log >&2; exit 1; }
echo "Slurm $(sinfo -V | cut -d' ' -f2) runs on one node"

go build -o "$work/wiseft" ./cmd/wiseft
mkdir "$work/job"
cd "$work/job"
wiseft demo -o demo --alphas 0.5 --scans 25 -q > /dev/null
data=(--train demo/train.npz --val demo/val.npz --test demo/test.npz)
sweep=(sweep demo/pretrained.onnx demo/finetuned.onnx --alphas 0:1:0.1 "${data[@]}" --threads 1 -q)
wiseft "${sweep[@]}" -o alone > /dev/null

wiseft submit slurm --shards 4 --cpus 1 --mem 1G --time 00:30:00 --name test -- "${sweep[@]}" -o run
# Stop one worker in the middle: it must end at once and be requeued.
for _ in $(seq 60); do
  squeue -h -t RUNNING -o %K | grep -qx 2 && [ -d run/units ] && break
  sleep 0.5
done
first=$(squeue -h -r -o '%F' -n test | sort -n | head -n 1)
scancel --batch --signal=USR1 "${first}_2"
for _ in $(seq 600); do
  [ -z "$(squeue -h)" ] && break
  sleep 1
done
squeue
grep -h 'interrupted' test-*_2.log || { echo "the worker was not stopped" >&2; exit 1; }
# It was requeued (Slurm waits two minutes before that) and ended without an error.
grep -hE 'decided nothing|share is done' test-*_2.log || { echo "the worker was not requeued" >&2; cat test-*_2.log >&2; exit 1; }
cmp alone/result.json run/result.json
cat test-collect-*.log
echo "the result of four Slurm workers equals that of one process, byte for byte"
