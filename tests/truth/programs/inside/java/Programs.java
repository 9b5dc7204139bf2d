import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What programs in Java do: {@code java Programs NAME}. */
public final class Programs {
    private static final int MIB = 1024 * 1024;

    public static void main(String[] arguments) throws InterruptedException {
        Object held = switch (arguments[0]) {
            case "heap" -> heap();
            case "direct" -> direct();
            case "threads" -> threads();
            default -> throw new IllegalArgumentException(arguments[0]);
        };
        Thread.sleep(50);
        if (held == null) {
            System.exit(1);
        }
    }

    /** Objects on the heap, whose size is fixed by options. */
    private static Object heap() {
        Map<Integer, String> kept = new HashMap<>();
        for (int number = 0; number < 200_000; number++) {
            kept.put(number, "name " + number);
        }
        return kept;
    }

    /** Buffers outside of the heap. */
    private static Object direct() {
        List<ByteBuffer> kept = new ArrayList<>();
        for (int number = 0; number < 24; number++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(MIB);
            for (int at = 0; at < MIB; at += 4096) {
                buffer.put(at, (byte) 1);
            }
            kept.add(buffer);
        }
        return kept;
    }

    /** Threads with their stacks. */
    private static Object threads() throws InterruptedException {
        List<Thread> kept = new ArrayList<>();
        for (int number = 0; number < 100; number++) {
            Thread thread = new Thread(() -> deep(200));
            thread.start();
            kept.add(thread);
        }
        for (Thread thread : kept) {
            thread.join();
        }
        return kept;
    }

    private static int deep(int depth) {
        if (depth > 0) {
            return deep(depth - 1) + 1;
        }
        try {
            Thread.sleep(300);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        return 0;
    }
}
