//! The incarnation of this process: ever higher, counted in the node's own directory until supervisors issue it.

use anyhow::Context;
use std::io::Write;
use std::path::Path;
use wire::Incarnation;

/// One more than the last life's, on the disk before anybody hears of it.
pub(crate) fn next_incarnation(data: &Path) -> anyhow::Result<Incarnation> {
    let path = data.join("incarnation");
    let last = match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse::<u32>().with_context(|| {
            format!(
                "{} holds \"{}\", which is no incarnation: put the last one there, see `logger dump`",
                path.display(),
                text.trim()
            )
        })?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let next = last + 1;
    let aside = data.join("incarnation.new");
    let write = || -> std::io::Result<()> {
        let mut file = std::fs::File::create(&aside)?;
        writeln!(file, "{next}")?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)?;
        std::fs::File::open(data)?.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Incarnation(next))
}
