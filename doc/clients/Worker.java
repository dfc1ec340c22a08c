// A worker in Java 17: java -cp postgresql.jar Worker.java JDBC-URL QUEUE
import java.sql.*;
import java.util.*;
import java.util.concurrent.*;

class Worker {
    record Run(UUID id, long fence, String params) {}
    static final int LEASE = Integer.parseInt(Objects.requireNonNullElse(System.getenv("LEASE"), "30"));    // seconds
    static final ExecutorService threads = Executors.newCachedThreadPool();
    static final Semaphore over = new Semaphore(0);
    static volatile boolean stop;
    static String url;

    static Void charge(Run run) throws Exception {                      // the work of one run
        tell("SELECT pg_sleep((?::jsonb->>'seconds')::float)", run.params);   // what is done elsewhere: at least once
        return tell("WITH ended AS (SELECT workflow.complete(?, ?) AS ours) INSERT INTO shop.receipt (customer, amount) "
            + "SELECT customer, amount FROM ended, jsonb_to_record(?::jsonb) AS p (customer text, amount numeric) "
            + "WHERE ours", run.id, run.fence, run.params);             // what is written here: exactly once
    }

    static Void tell(String text, Object... values) throws SQLException {       // for very many runs: with a pool
        try (Connection db = DriverManager.getConnection(url); PreparedStatement statement = db.prepareStatement(text)) {
            for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
            statement.execute(); return null;
        }
    }

    static Void attend(Run run) throws Exception {
        Future<Void> work = threads.submit(() -> charge(run));
        while (true) try {
            return work.get(LEASE * 1000 / 3, TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            if (stop) return tell("SELECT workflow.release(?, ?)", run.id, run.fence);  // SIGTERM was so long ago
            tell("SELECT workflow.extend(?, ?, make_interval(secs => ?))", run.id, run.fence, LEASE);
        } catch (ExecutionException e) {     // the job's retry says by the code what comes now
            String code = e.getCause() instanceof SQLException s ? s.getSQLState() : e.getCause().getClass().getName();
            return tell("SELECT workflow.fail(?, ?, jsonb_build_object('code', ?::text, 'message', ?::text))",
                run.id, run.fence, code, e.getCause().getMessage());
        }
    }

    public static void main(String[] args) throws Exception {
        url = args[0];
        Runtime.getRuntime().addShutdownHook(new Thread(() -> { stop = true; over.acquireUninterruptibly(); }));
        while (!stop) {
            List<Callable<Void>> runs = new ArrayList<>();
            try (Connection db = DriverManager.getConnection(url); PreparedStatement claim = db.prepareStatement(
                    "SELECT run, fence, params FROM workflow.claim(?, 'java', 10, make_interval(secs => ?))")) {
                claim.setString(1, args[1]); claim.setInt(2, LEASE);
                for (ResultSet r = claim.executeQuery(); r.next(); ) {
                    Run run = new Run(r.getObject(1, UUID.class), r.getLong(2), r.getString(3)); runs.add(() -> attend(run));
                }
                if (runs.isEmpty()) tell("CALL workflow.await_work(?, '5 s')", args[1]);
            } catch (SQLException e) { System.err.println(e.getMessage()); Thread.sleep(1000); }
            threads.invokeAll(runs);
        }
        over.release();
    }
}
