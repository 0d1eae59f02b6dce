import static driver.Scenarios.*;

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.stream.*;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;
import org.springframework.context.annotation.*;
import org.springframework.core.env.MapPropertySource;
import org.springframework.kafka.annotation.*;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.TopicBuilder;
import org.springframework.kafka.core.*;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

/** A listener of Spring Kafka with retry topics and a dead-letter topic: Driver BOOTSTRAP SCENARIO PREFIX RECORDS. */
public class Driver {
    @Configuration
    @EnableKafka
    @EnableKafkaRetryTopic
    static class Application {
        @Bean
        KafkaAdmin admin() {
            return new KafkaAdmin(Map.of("bootstrap.servers", bootstrap));
        }

        @Bean
        NewTopic topic() {
            return TopicBuilder.name(prefix).partitions(2).replicas(1).build();
        }

        @Bean
        KafkaTemplate<String, String> kafkaTemplate() {
            return new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(Map.of("bootstrap.servers", bootstrap), new StringSerializer(), new StringSerializer()));
        }

        @Bean
        ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
            ConcurrentKafkaListenerContainerFactory<String, String> factory = new ConcurrentKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(Map.of("bootstrap.servers", bootstrap, "auto.offset.reset", "earliest"), new StringDeserializer(), new StringDeserializer()));
            return factory;
        }

        @Bean
        TaskScheduler taskScheduler() {
            return new ThreadPoolTaskScheduler();
        }

        @Bean
        Orders orders() {
            return new Orders();
        }
    }

    /** `flaky` succeeds at its third attempt, `poison` never, the rest at once. */
    static class Orders {
        final Map<String, List<String>> attempts = new ConcurrentHashMap<>();
        final Queue<String> done = new ConcurrentLinkedQueue<>(), dead = new ConcurrentLinkedQueue<>();

        @RetryableTopic(attempts = "3", backOff = @BackOff(delay = 200, multiplier = 2), numPartitions = "2")
        @KafkaListener(id = "${prefix}", topics = "${prefix}")
        void order(ConsumerRecord<String, String> record) {
            List<String> topics = attempts.computeIfAbsent(record.value(), value -> new CopyOnWriteArrayList<>());
            topics.add(record.topic().substring(prefix.length()));
            if (record.value().startsWith("poison") || record.value().startsWith("flaky") && topics.size() < 3) throw new IllegalStateException("no " + record.value());
            done.add(record.value());
        }

        @DltHandler
        void dead(ConsumerRecord<String, String> record) {
            dead.add(record.value());
        }
    }

    static List<ConsumerRecord<String, String>> read(String topic) {
        List<ConsumerRecord<String, String>> got = new ArrayList<>();
        try (Consumer<String, String> consumer = new KafkaConsumer<>(Map.of("bootstrap.servers", bootstrap), new StringDeserializer(), new StringDeserializer())) {
            List<TopicPartition> all = consumer.partitionsFor(topic).stream().map(p -> new TopicPartition(topic, p.partition())).toList();
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            while (all.stream().anyMatch(p -> consumer.position(p) < ends.get(p))) consumer.poll(Duration.ofMillis(100)).forEach(got::add);
        }
        return got;
    }

    static List<String> values(String topic) {
        return read(topic).stream().map(ConsumerRecord::value).sorted().toList();
    }

    static List<String> named(String... kinds) {
        return Stream.of(kinds).flatMap(kind -> IntStream.range(0, 10).mapToObj(i -> kind + i)).sorted().toList();
    }

    static String header(ConsumerRecord<?, ?> record, String name) {
        Header header = record.headers().lastHeader(name);
        return header == null ? "none" : new String(header.value());
    }

    static String retry() throws Exception {
        try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext()) {
            context.getEnvironment().getPropertySources().addFirst(new MapPropertySource("driver", Map.of("prefix", prefix)));
            context.register(Application.class);
            context.refresh();
            Orders orders = context.getBean(Orders.class);
            KafkaTemplate<String, String> template = context.getBean(KafkaTemplate.class);
            for (String value : named("good", "flaky", "poison")) template.send(prefix, value, value).get();
            waitFor(() -> orders.done.size() >= 20 && orders.dead.size() >= 10, () -> "20 done and 10 dead: " + orders.done + " " + orders.dead);
            check(orders.done.stream().sorted().toList().equals(named("good", "flaky")), () -> "done: " + orders.done);
            check(orders.dead.stream().sorted().toList().equals(named("poison")), () -> "dead: " + orders.dead);
            orders.attempts.forEach((value, topics) -> check(topics.equals(value.startsWith("good") ? List.of("") : List.of("", "-retry-200", "-retry-400")), () -> value + " was tried in " + topics));
        }
        check(values(prefix).equals(named("good", "flaky", "poison")), () -> "in the topic: " + values(prefix));
        for (String suffix : List.of("-retry-200", "-retry-400")) check(values(prefix + suffix).equals(named("flaky", "poison")), () -> "in " + suffix + ": " + values(prefix + suffix));
        List<ConsumerRecord<String, String>> dead = read(prefix + "-dlt");
        check(values(prefix + "-dlt").equals(named("poison")), () -> "in the dead-letter topic: " + dead);
        for (ConsumerRecord<String, String> record : dead) {
            check(record.key().equals(record.value()) && header(record, KafkaHeaders.ORIGINAL_TOPIC).equals(prefix) && header(record, KafkaHeaders.EXCEPTION_MESSAGE).contains("no " + record.value()), () -> "a dead letter: " + record);
        }
        return null;
    }

    public static void main(String[] arguments) throws Exception {
        run(arguments, KafkaTemplate.class.getPackage().getImplementationVersion(), Map.of("retry-topics", Driver::retry));
    }
}
