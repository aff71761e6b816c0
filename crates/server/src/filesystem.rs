//! Which kind of filesystem a file is on. SQLite's locks do not hold on those of a network.

use std::path::{Path, PathBuf};

const MOUNTS: &str = "/proc/self/mountinfo";

const NETWORK_FILESYSTEMS: &[&str] = &[
    "9p",
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "fuse.ceph",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.sshfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "orangefs",
    "smb",
    "smb2",
    "smb3",
    "smbfs",
];

/// The kind of network filesystem that the file is on, or would be; none when it is on a local one. Where the system
/// does not tell, the filesystem counts as local.
pub(crate) fn network_filesystem(file: &Path) -> Option<String> {
    let mounts = std::fs::read_to_string(MOUNTS).ok()?;
    let kind = filesystem_of(&mounts, &resolved(file)?)?;
    NETWORK_FILESYSTEMS.contains(&kind).then(|| kind.to_owned())
}

/// The file's path without links; the file itself need not exist.
fn resolved(file: &Path) -> Option<PathBuf> {
    if let Ok(path) = file.canonicalize() {
        return Some(path);
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Some(folder.canonicalize().ok()?.join(file.file_name()?))
}

/// The filesystem of the longest mount point above the path; of two at the same point the later covers the earlier.
fn filesystem_of<'m>(mounts: &'m str, path: &Path) -> Option<&'m str> {
    let above = mounts.lines().filter_map(mount).filter(|(point, _)| path.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

/// Mount point and filesystem of a line; proc(5) describes it.
fn mount(line: &str) -> Option<(PathBuf, &str)> {
    let (before, after) = line.split_once(" - ")?;
    let point = before.split(' ').nth(4)?;
    Some((PathBuf::from(unescape(point)), after.split(' ').next()?))
}

/// Blanks and the like stand in it as octal numbers.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTED: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard
28 27 0:25 / /mnt rw,nosuid shared:2 master:3 - nfs4 server:/export rw
29 28 0:26 / /mnt/local rw - xfs /dev/vdb rw
30 27 0:27 / /srv/a\\040b rw - fuse.sshfs a@b: rw
31 27 0:28 / /over rw - ext4 /dev/vdc rw
32 31 0:29 / /over rw - cifs //server/share rw
";

    #[test]
    fn the_nearest_mount_point_tells_the_filesystem() {
        let table = [
            ("/var/lib/florin.db", "ext4"),
            ("/mnt/florin.db", "nfs4"),
            ("/mnt/local/florin.db", "xfs"),
            ("/mntlocal/florin.db", "ext4"),
            ("/srv/a b/florin.db", "fuse.sshfs"),
            ("/over/florin.db", "cifs"),
        ];
        for (path, kind) in table {
            assert_eq!(filesystem_of(MOUNTED, Path::new(path)), Some(kind), "{path}");
        }
    }

    #[test]
    fn what_the_system_does_not_tell_counts_as_local() {
        assert_eq!(filesystem_of("", Path::new("/florin.db")), None);
        assert_eq!(filesystem_of("a line of another kind\n", Path::new("/florin.db")), None);
    }

    #[test]
    fn a_file_in_a_local_folder_need_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("florin.db");
        assert_eq!(resolved(&file), Some(folder.path().canonicalize().unwrap().join("florin.db")));
        assert_eq!(
            resolved(Path::new("florin.db")),
            Some(std::env::current_dir().unwrap().join("florin.db"))
        );
    }
}
