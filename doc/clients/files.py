"""Files of a runtime (doc/files.md): python3 files.py ID DIRECTORY. The PG* variables of the environment say which database."""
import hashlib, os, sys, tempfile, time, uuid, psycopg
from psycopg.rows import namedtuple_row

PART = 1 << 20                          # bytes that are fetched at a time
KNOWN = ".workflow-known"               # there: this disk has what the database thinks it has
def one(db, statement, *values): return db.execute(statement, values).fetchone()

def sync(directory): fd = os.open(directory, os.O_RDONLY); os.fsync(fd); os.close(fd)

def parts(db, file):
    if file.content is not None: yield file.content
    for at in range(0, file.size if file.content is None else 0, PART):
        yield one(db, "SELECT workflow.get_file_part(%s, %s, %s, %s)", file.path, file.version, at, PART)[0]

def place(root, path):                  # nobody has planted a link on the way
    place = os.path.join(root, *path.split("/"))
    if os.path.commonpath([root, os.path.realpath(os.path.dirname(place))]) != root: raise OSError("a link leads out of the directory")
    return place

def write(db, root, file):              # the old file or the new one, whatever kills us
    target = place(root, file.path)
    if file.deleted:
        if os.path.lexists(target): os.unlink(target)
        try: os.removedirs(os.path.dirname(target))         # as far as they are empty
        except OSError: pass
        return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    fd, new = tempfile.mkstemp(prefix=".workflow-", dir=root)
    try:
        digest = hashlib.sha256()
        with os.fdopen(fd, "wb") as out:
            for part in parts(db, file): digest.update(part); out.write(part)
            if digest.digest() != file.sha256: raise OSError("the content is not that of this version")
            os.fchmod(out.fileno(), int(file.mode or "644", 8)); out.flush(); os.fsync(out.fileno())
        os.replace(new, target); sync(os.path.dirname(target))
    finally: os.path.lexists(new) and os.unlink(new)

def take_over(db, id, epoch, root):     # all that waits; a runtime calls it when beat() tells of files
    known = os.path.join(root, KNOWN)
    if not os.path.exists(known):       # a new disk: begin with everything
        one(db, "SELECT workflow.forget_files(%s, %s)", id, epoch); open(known, "w").close(); sync(root)
    while files := db.execute("SELECT * FROM workflow.pull_files(%s, %s)", (id, epoch)).fetchall():
        errors = []
        for file in files:
            try: write(db, root, file); errors.append(None)
            except (OSError, psycopg.Error) as error: errors.append(str(error))
        one(db, "SELECT workflow.confirm_files(%s, %s, %s::bigint[], %s::text[])", id, epoch, [f.request for f in files], errors)

if __name__ == "__main__":
    id, root = sys.argv[1], os.path.realpath(sys.argv[2])
    with psycopg.connect(autocommit=True, row_factory=namedtuple_row) as db:
        epoch = None
        while epoch is None:
            epoch, _, wait = one(db, "SELECT * FROM workflow.register_runtime(%s, fingerprint => %s)", id, uuid.uuid4().hex)
            time.sleep(wait.total_seconds())
        take_over(db, id, epoch, root)
        while (pulse := one(db, "SELECT * FROM workflow.beat(%s, %s)", id, epoch)).ok:
            if pulse.files: take_over(db, id, epoch, root)
            time.sleep(1)
