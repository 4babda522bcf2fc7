// Writes records with Apicurio's Java serializers and reads events with its deserializers:
//   java -cp 'jars/*' JavaSerializers.java write URL COUNT
//   java -cp 'jars/*' JavaSerializers.java read URL avro|json_schema
// Lines on standard output, and for `read` on standard input, are JSON; values are in base64.

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.apicurio.registry.serde.avro.AvroKafkaDeserializer;
import io.apicurio.registry.serde.avro.AvroKafkaSerializer;
import io.apicurio.registry.serde.jsonschema.JsonSchemaKafkaDeserializer;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.serialization.Deserializer;

public class JavaSerializers {
    static final ObjectMapper JSON = new ObjectMapper();
    static final String BODY =
            "{'name': 'body', 'type': {'type': 'record', 'name': 'Body', 'fields': [{'name': 'text', 'type': 'string'}]}}";
    static final String CHANNEL =
            "{'name': 'channel', 'type': {'type': 'enum', 'name': 'Channel', 'symbols': ['EMAIL', 'CHAT']}, 'default': 'CHAT'}";
    static final String METADATA = "{'name': 'metadata', 'type': {'type': 'map', 'values': 'string'}, 'default': {}}";

    public static void main(String[] arguments) throws Exception {
        if (arguments[0].equals("write")) {
            write(arguments[1], Integer.parseInt(arguments[2]));
        } else {
            read(arguments[1], arguments[2]);
        }
    }

    /** Three ways of naming the schema take turns: Confluent's frame, Apicurio's of eight bytes, and a header. */
    static void write(String url, int count) throws Exception {
        List<Map<String, Object>> ways = List.of(
                Map.of("apicurio.registry.as-confluent", true, "apicurio.registry.use-id", "contentId"),
                Map.of("apicurio.registry.use-id", "globalId", "apicurio.registry.headers.enabled", false),
                Map.of("apicurio.registry.use-id", "globalId", "apicurio.registry.headers.enabled", true));
        List<Schema> schemas = List.of(schema(BODY), schema(BODY + "," + CHANNEL), schema(BODY + "," + METADATA));
        List<AvroKafkaSerializer<GenericRecord>> serializers = ways.stream().map(way -> serializer(url, way)).toList();
        for (int number = 0; number < count; number++) {
            int way = number % ways.size();
            Schema schema = schemas.get(number / ways.size() % schemas.size());
            GenericRecordBuilder mail = new GenericRecordBuilder(schema);
            Schema body = schema.getField("body").schema();
            mail.set("body", new GenericRecordBuilder(body).set("text", "où est mon colis " + number).build());
            RecordHeaders headers = new RecordHeaders();
            byte[] value = serializers.get(way).serialize("java-mails-" + way, headers, mail.build());
            ObjectNode line = JSON.createObjectNode().put("key", "k" + number % 7).put("value", encoded(value));
            ObjectNode named = JSON.createObjectNode();
            for (Header header : headers) {
                named.put(header.key(), encoded(header.value()));
            }
            System.out.println(JSON.writeValueAsString(line.put("headers", JSON.writeValueAsString(named))));
        }
    }

    static void read(String url, String format) throws Exception {
        Map<String, Object> settings = new HashMap<>(Map.of(
                "apicurio.registry.url", url,
                "apicurio.registry.as-confluent", true,
                "apicurio.registry.use-id", "contentId"));
        Deserializer<?> deserializer;
        if (format.equals("avro")) {
            deserializer = new AvroKafkaDeserializer<GenericRecord>();
        } else {
            settings.put("apicurio.registry.deserializer.value.return-class", JsonNode.class.getName());
            settings.put("apicurio.registry.serde.validation-enabled", true);
            deserializer = new JsonSchemaKafkaDeserializer<JsonNode>();
        }
        deserializer.configure(settings, false);
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            JsonNode record = JSON.readTree(line);
            byte[] value = Base64.getDecoder().decode(record.get("value").asText());
            System.out.println(deserializer.deserialize(record.get("topic").asText(), value).toString());
        }
    }

    static Schema schema(String fields) {
        String text = "{'type': 'record', 'name': 'Mail', 'namespace': 'shop', 'fields': [" + fields + "]}";
        return new Schema.Parser().parse(text.replace('\'', '"'));
    }

    static AvroKafkaSerializer<GenericRecord> serializer(String url, Map<String, Object> way) {
        Map<String, Object> settings = new HashMap<>(way);
        settings.put("apicurio.registry.url", url);
        settings.put("apicurio.registry.auto-register", true);
        settings.put("apicurio.registry.auto-register.if-exists", "RETURN_OR_UPDATE");
        AvroKafkaSerializer<GenericRecord> serializer = new AvroKafkaSerializer<>();
        serializer.configure(settings, false);
        return serializer;
    }

    static String encoded(byte[] value) {
        return Base64.getEncoder().encodeToString(value);
    }
}
