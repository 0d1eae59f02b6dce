// What Kafka's own assignors do with generated groups, one case a line: the vectors in java.tsv.
//
//   java -cp kafka-clients-4.4.0.jar:slf4j-api-1.7.36.jar Vectors.java > java.tsv
//
// Columns: assignor, topics with their partitions, members, assignment. A member is id, instance, generation, topics and
// owned partitions. Each group lives on for a few rounds: members come and go, subscriptions and topics change, and what a
// member owns is what the round before gave it, sometimes older, sometimes claimed by two.

import java.nio.ByteBuffer;
import java.util.*;
import java.util.stream.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.clients.consumer.internals.AbstractPartitionAssignor;
import org.apache.kafka.common.TopicPartition;

public class Vectors {
    static final int GROUPS = 25;
    static final int ROUNDS = 4;
    static final Random random = new Random(429);

    static class Member {
        String instance = "";
        int generation = -1;
        SortedSet<String> topics = new TreeSet<>();
        List<TopicPartition> owned = List.of();
    }

    public static void main(String[] args) {
        for (String name : List.of("range", "roundrobin", "sticky", "cooperative-sticky"))
            for (int group = 0; group < GROUPS; group++) live(name);
    }

    static void live(String name) {
        SortedMap<String, Integer> topics = new TreeMap<>();
        for (int t = 0; t < 1 + random.nextInt(3); t++) topics.put("t" + t, 1 + random.nextInt(8));
        boolean alike = random.nextBoolean();
        SortedMap<String, Member> members = new TreeMap<>();
        for (int m = 0; m < 1 + random.nextInt(4); m++) join(members, topics, alike);
        for (int round = 1; round <= ROUNDS; round++) {
            // The leader looks up only what somebody reads.
            topics.keySet().retainAll(members.values().stream().flatMap(member -> member.topics.stream()).toList());
            Map<String, List<TopicPartition>> assigned = assign(name, topics, members);
            System.out.println(name + "\t" + tell(topics) + "\t" + members.entrySet().stream()
                .map(e -> tell(e.getKey(), e.getValue())).collect(Collectors.joining("|")) + "\t" + members.keySet().stream()
                .map(id -> id + "=" + tell(assigned.get(id))).collect(Collectors.joining("|")));
            for (var entry : members.entrySet()) {
                // Now and then a member misses a round.
                if (random.nextInt(8) == 0) continue;
                entry.getValue().owned = List.copyOf(assigned.get(entry.getKey()));
                entry.getValue().generation = round;
            }
            change(members, topics, alike);
        }
    }

    static void join(SortedMap<String, Member> members, SortedMap<String, Integer> topics, boolean alike) {
        Member member = new Member();
        if (random.nextInt(4) == 0) member.instance = "i" + random.nextInt(1000);
        member.topics.add("t0");
        for (String topic : topics.keySet()) {
            if (alike || random.nextInt(3) > 0) member.topics.add(topic);
            else if (member.topics.size() > 1 && random.nextInt(3) == 0) member.topics.remove("t0");
        }
        members.put("m" + random.nextInt(1000), member);
    }

    static void change(SortedMap<String, Member> members, SortedMap<String, Integer> topics, boolean alike) {
        List<String> ids = new ArrayList<>(members.keySet());
        String one = ids.get(random.nextInt(ids.size()));
        switch (random.nextInt(6)) {
            case 0, 1 -> join(members, topics, alike);
            case 2, 3 -> { if (ids.size() > 1) members.remove(one); }
            case 4 -> topics.merge(topics.firstKey(), 2, Integer::sum);
            default -> {
                Member twice = members.get(one);
                twice.owned = members.get(ids.get(random.nextInt(ids.size()))).owned;
                if (!alike) members.get(one).topics = new TreeSet<>(List.of("t0"));
            }
        }
    }

    static Map<String, List<TopicPartition>> assign(String name, Map<String, Integer> topics, Map<String, Member> members) {
        AbstractPartitionAssignor assignor = switch (name) {
            case "range" -> new RangeAssignor();
            case "roundrobin" -> new RoundRobinAssignor();
            case "sticky" -> new StickyAssignor();
            default -> new CooperativeStickyAssignor();
        };
        Map<String, Subscription> subscriptions = new HashMap<>();
        members.forEach((id, member) -> {
            List<String> subscribed = List.copyOf(member.topics);
            ByteBuffer data = null;
            List<TopicPartition> owned = List.of();
            if (name.equals("sticky") && member.generation >= 0) {
                StickyAssignor before = new StickyAssignor();
                before.onAssignment(new Assignment(member.owned), new ConsumerGroupMetadata("g", member.generation, id, Optional.empty()));
                data = before.subscriptionUserData(member.topics);
            } else if (name.equals("cooperative-sticky")) {
                owned = member.owned;
            }
            Subscription subscription = new Subscription(subscribed, data, owned, member.generation, Optional.empty());
            if (!member.instance.isEmpty()) subscription.setGroupInstanceId(Optional.of(member.instance));
            subscriptions.put(id, subscription);
        });
        return assignor.assign(topics, subscriptions);
    }

    static String tell(Map<String, Integer> topics) {
        return topics.entrySet().stream().map(e -> e.getKey() + ":" + e.getValue()).collect(Collectors.joining(","));
    }

    static String tell(String id, Member member) {
        return id + ";" + member.instance + ";" + member.generation + ";" + String.join(",", member.topics) + ";" + tell(member.owned);
    }

    static String tell(List<TopicPartition> partitions) {
        return partitions.stream().map(TopicPartition::toString).collect(Collectors.joining(","));
    }
}
