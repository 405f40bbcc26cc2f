"""What a run did, for people."""

from preprocessing import chain, contract


def summary(result: chain.Result, seconds: float) -> str:
    """What a run did, in plain lines that add up."""
    manifest = result.manifest
    kept = sum(count["files"] for count in manifest.counts.values())
    kept_bytes = sum(count["bytes"] for count in manifest.counts.values())
    dropped = sum(manifest.drops.values())
    lines = [f"files read   {result.files_read:>10,}  {result.bytes_read / 1e6:>10,.1f} MB"]
    lines += [f"kept         {kept:>10,}  {kept_bytes / 1e6:>10,.1f} MB"]
    lines += [f"dropped      {dropped:>10,}  (kept and dropped make {kept + dropped:,}, the files read)"]
    drops = sorted(manifest.drops.items(), key=lambda drop: -drop[1])
    lines += [f"  {count:>10,}  {name}: {contract.DROP_REASONS[name]}" for name, count in drops if count]
    if clusters := manifest.near_duplicates.get("clusters"):
        found = manifest.near_duplicates
        lines += [
            f"near-duplicates: {clusters:,} clusters of {found['files']:,} files, the largest of {found['largest']:,}"
        ]
    notes = [f"  {count:>10,}  {name}: {contract.NOTES[name]}" for name, count in manifest.notes.items() if count]
    lines += ["notes on files that passed the filters", *notes] if notes else []
    for name, count in manifest.counts.items():
        lines += [
            f"{name:<12} {count['files']:>10,}  {count['bytes'] / 1e6:>10,.1f} MB  "
            f"{count['repositories']:>8,} repositories"
        ]
    lines += [f"digest       {manifest.digest}"]
    lines += [f"took         {seconds:>10.1f} s, {result.bytes_read / 1e6 / max(seconds, 1e-9):.0f} MB/s"]
    return "\n".join(lines)


def empty_splits(manifest: contract.Manifest) -> list[str]:
    """Splits without documents, but for those that were asked to be empty."""
    return [
        name
        for name, count in manifest.counts.items()
        if not count["files"] and manifest.parameters.get(f"{name}_permille") != 0
    ]
