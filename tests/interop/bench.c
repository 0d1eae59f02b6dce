/* The load of `compare`: one librdkafka client, 1 KiB records, acks=all.
 *   bench create  BOOTSTRAP TOPIC PARTITIONS [NAME=VALUE of the topic]
 *   bench produce BOOTSTRAP TOPIC PARTITIONS RECORDS SECONDS
 *   bench fetch   BOOTSTRAP TOPIC PARTITIONS RECORDS SECONDS
 * The last two end after RECORDS or SECONDS, whichever comes first, and print one JSON line.
 * A created topic holds one record in every partition, so that nothing of its creation is measured. */

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD_BYTES 1024
#define POOL_BYTES (1 << 20)

static long acknowledged, refused, statistics_seen;
static double batches, batch_bytes;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

static void delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque) {
    (void)client, (void)opaque;
    if (message->err) {
        if (!refused++) fprintf(stderr, "not acknowledged: %s\n", rd_kafka_err2str(message->err));
    } else {
        acknowledged++;
    }
}

/* Every report covers the time since the one before: batches and their bytes as they went out on the wire. */
static int statistics(rd_kafka_t *client, char *json, size_t length, void *opaque) {
    (void)client, (void)length, (void)opaque;
    statistics_seen++;
    char *window = strstr(json, "\"batchsize\"");
    char *sum = window ? strstr(window, "\"sum\":") : NULL;
    char *count = window ? strstr(window, "\"cnt\":") : NULL;
    if (sum && count) {
        batch_bytes += atof(sum + 6);
        batches += atof(count + 6);
    }
    return 0;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value) {
    char why[512];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK) die(name, why);
}

static rd_kafka_t *connect_client(rd_kafka_type_t type, rd_kafka_conf_t *conf, const char *bootstrap) {
    char why[512];
    set(conf, "bootstrap.servers", bootstrap);
    rd_kafka_t *client = rd_kafka_new(type, conf, why, sizeof why);
    if (!client) die("librdkafka", why);
    return client;
}

static rd_kafka_t *producer(const char *bootstrap) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "acks", "all");
    set(conf, "queue.buffering.max.kbytes", "262144");
    set(conf, "queue.buffering.max.messages", "200000");
    set(conf, "statistics.interval.ms", "200");
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_stats_cb(conf, statistics);
    return connect_client(RD_KAFKA_PRODUCER, conf, bootstrap);
}

static void create_topic(rd_kafka_t *client, const char *topic, int partitions, char *config) {
    char why[512];
    rd_kafka_NewTopic_t *wanted = rd_kafka_NewTopic_new(topic, partitions, 1, why, sizeof why);
    if (!wanted) die("topic", why);
    if (config) {
        char *value = strchr(config, '=');
        if (!value) die(config, "is not NAME=VALUE");
        *value++ = 0;
        rd_kafka_NewTopic_set_config(wanted, config, value);
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_CreateTopics(client, &wanted, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 60000);
    if (!event || rd_kafka_event_error(event)) die("CreateTopics", event ? rd_kafka_event_error_string(event) : "no answer");
    size_t count;
    const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (rd_kafka_topic_result_error(results[0])) die("CreateTopics", rd_kafka_err2str(rd_kafka_topic_result_error(results[0])));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(wanted);
}

/* Sends the records to all partitions in turn and returns the seconds until the last was acknowledged. */
static double send_records(rd_kafka_t *client, const char *name, int partitions, long records, double limit) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
    /* What does not compress, and differs from record to record. */
    char *pool = malloc(POOL_BYTES + RECORD_BYTES);
    srandom(1);
    for (int i = 0; i < POOL_BYTES + RECORD_BYTES; i++) pool[i] = random();

    double begin = now();
    long sent = 0;
    while (sent < records && now() - begin < limit) {
        char *value = pool + (sent * 7919) % POOL_BYTES;
        if (rd_kafka_produce(topic, sent % partitions, RD_KAFKA_MSG_F_COPY, value, RECORD_BYTES, NULL, 0, NULL) == 0) {
            sent++;
            if (sent % 1000 == 0) rd_kafka_poll(client, 0);
        } else if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(client, 10);
        } else {
            die("produce", rd_kafka_err2str(rd_kafka_last_error()));
        }
    }
    while (acknowledged + refused < sent && now() - begin < limit + 60) rd_kafka_poll(client, 10);
    double seconds = now() - begin;
    if (acknowledged < sent) die("produce", "not every record was acknowledged");
    free(pool);
    rd_kafka_topic_destroy(topic);
    return seconds;
}

static void create(const char *bootstrap, const char *name, int partitions, char *config) {
    rd_kafka_t *client = producer(bootstrap);
    create_topic(client, name, partitions, config);
    send_records(client, name, partitions, partitions, 60);
    rd_kafka_destroy(client);
}

static void produce(const char *bootstrap, const char *name, int partitions, long records, double limit) {
    rd_kafka_t *client = producer(bootstrap);
    double seconds = send_records(client, name, partitions, records, limit);
    /* The last batches are in the report that covers their time. */
    double end = now();
    for (long seen = statistics_seen; statistics_seen < seen + 2 && now() - end < 10;) rd_kafka_poll(client, 100);
    printf("{\"records\": %ld, \"seconds\": %.4f, \"batches\": %.0f, \"batch_bytes\": %.0f}\n", acknowledged, seconds, batches, batch_bytes);
    rd_kafka_destroy(client);
}

static void fetch(const char *bootstrap, const char *name, int partitions, long records, double limit) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "group.id", "bench");
    set(conf, "enable.auto.commit", "false");
    set(conf, "queued.min.messages", "200000");
    rd_kafka_t *client = connect_client(RD_KAFKA_CONSUMER, conf, bootstrap);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
    for (int p = 0; p < partitions; p++) rd_kafka_topic_partition_list_add(all, name, p)->offset = 0;
    double begin = now();
    rd_kafka_assign(client, all);
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(client);
    rd_kafka_message_t *messages[1000];
    long got = 0;
    while (got < records && now() - begin < limit) {
        long count = rd_kafka_consume_batch_queue(queue, 100, messages, 1000);
        for (long i = 0; i < count; i++) {
            if (!messages[i]->err && messages[i]->len == RECORD_BYTES) got++;
            rd_kafka_message_destroy(messages[i]);
        }
    }
    double seconds = now() - begin;
    if (got < records) die("fetch", "fewer records than were produced");
    printf("{\"records\": %ld, \"seconds\": %.4f}\n", got, seconds);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_partition_list_destroy(all);
    rd_kafka_consumer_close(client);
    rd_kafka_destroy(client);
}

int main(int count, char **words) {
    if (count >= 5 && !strcmp(words[1], "create")) create(words[2], words[3], atoi(words[4]), words[5]);
    else if (count == 7 && !strcmp(words[1], "produce")) produce(words[2], words[3], atoi(words[4]), atol(words[5]), atof(words[6]));
    else if (count == 7 && !strcmp(words[1], "fetch")) fetch(words[2], words[3], atoi(words[4]), atol(words[5]), atof(words[6]));
    else die("usage", "see the head of bench.c");
    return 0;
}
