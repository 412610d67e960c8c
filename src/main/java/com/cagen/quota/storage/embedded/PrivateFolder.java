package com.cagen.quota.storage.embedded;

import com.sun.security.auth.module.UnixSystem;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Folders whose content only the service's own user may change. What is run or trusted from a folder must not come from
 * somebody else who was there first. Checks nothing where the file system knows no POSIX permissions.
 */
final class PrivateFolder {
    private static final Logger LOG = LoggerFactory.getLogger(PrivateFolder.class);
    private static final int WRITABLE_BY_GROUP = 0020;
    private static final int WRITABLE_BY_OTHERS = 0002;
    private static final int ROOT = 0;

    private PrivateFolder() {}

    /** @param mode the permission bits */
    private record Owner(int uid, int mode) {
        static Owner of(Path folder) throws IOException {
            return new Owner(
                    (int) Files.getAttribute(folder, "unix:uid"), (int) Files.getAttribute(folder, "unix:mode"));
        }

        boolean isThisUser() throws IOException {
            return uid == ownUid();
        }

        boolean lets(int bit) {
            return (mode & bit) != 0;
        }
    }

    /** As Linux tells it: {@link UnixSystem} says 0 for a user without a name, as containers have. */
    private static int ownUid() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.exists(status)) {
            return (int) new UnixSystem().getUid();
        }
        // "Uid:", then the real, the effective and other ids
        String line = Files.readAllLines(status).stream()
                .filter(each -> each.startsWith("Uid:"))
                .findFirst()
                .orElseThrow(() -> new IOException(status + " names no user"));
        return Integer.parseUnsignedInt(line.split("\\s+", -1)[2]);
    }

    /**
     * Makes the folder with mode 0700, or takes the one that is there.
     *
     * @throws IOException when what is there is no folder of this user, or others may write to it
     */
    static void prepare(Path folder) throws IOException {
        boolean posix = posix(folder);
        if (!Files.exists(folder, LinkOption.NOFOLLOW_LINKS)) {
            if (posix) {
                Files.createDirectory(
                        folder, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
            } else {
                Files.createDirectory(folder);
            }
        }
        if (!Files.isDirectory(folder, LinkOption.NOFOLLOW_LINKS)) {
            throw refused(folder, "it is no folder");
        }
        if (!posix) {
            return;
        }
        Owner owner = Owner.of(folder);
        if (!owner.isThisUser()) {
            throw refused(folder, "it belongs to somebody else (uid " + owner.uid + ")");
        }
        if (owner.lets(WRITABLE_BY_GROUP) || owner.lets(WRITABLE_BY_OTHERS)) {
            throw refused(folder, "others may write to it");
        }
        Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    }

    private static IOException refused(Path folder, String why) {
        return new IOException("the service keeps the programs of PostgreSQL in " + folder + ", but " + why
                + ", so that its content cannot be trusted; remove it, and the service makes it anew");
    }

    /**
     * Makes the data folder, or takes the one that is there, and ends that others may write to it. Who may write to it could
     * replace the folders in it. An administrator's folder (root's) is taken although its group may write to it.
     *
     * @throws IOException when it belongs to somebody else, or others may write to it and this user cannot change that
     */
    static void prepareData(Path folder) throws IOException {
        Files.createDirectories(folder);
        if (!posix(folder)) {
            return;
        }
        Owner owner = Owner.of(folder);
        if (owner.isThisUser()) {
            Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(folder);
            if (permissions.removeAll(Set.of(PosixFilePermission.GROUP_WRITE, PosixFilePermission.OTHERS_WRITE))) {
                LOG.warn("others could write to the data folder {}; this is no longer so", folder);
                Files.setPosixFilePermissions(folder, permissions);
            }
        } else if (owner.uid != ROOT) {
            throw new IOException("the data folder " + folder + " belongs to somebody else (uid " + owner.uid
                    + "), who could replace what is in it; give another DATA_DIR");
        } else if (owner.lets(WRITABLE_BY_OTHERS)) {
            throw new IOException("everybody may write to the data folder " + folder
                    + " and replace what is in it; give another DATA_DIR, or one for this user alone");
        }
    }

    /** Makes an empty file with mode 0600. */
    static void createFile(Path file) throws IOException {
        if (posix(file)) {
            Files.createFile(file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        } else {
            Files.createFile(file);
        }
    }

    private static boolean posix(Path path) {
        return path.getFileSystem().supportedFileAttributeViews().contains("unix");
    }
}
