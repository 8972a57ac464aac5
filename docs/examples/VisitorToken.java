// Prints a visitor token, which says who a visitor is: java VisitorToken.java maren.quist@northwind.example
//
// Environment: VISITOR_TOKEN_SECRET and VISITOR_TOKEN_KID (the shared secret and its name),
// VISITOR_TOKEN_ISSUER, VISITOR_TOKEN_CONNECTION (the id of the connection; without it: default).

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.GeneralSecurityException;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class VisitorToken {
    private static final long LIFE = 10 * 60; // seconds; 24 hours at most

    // Only for a visitor who has proved that the address is theirs.
    static String create(String secret, String kid, String issuer, String connection, String email)
            throws GeneralSecurityException {
        long now = Instant.now().getEpochSecond();
        String header = "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":" + quoted(kid) + "}";
        String claims = "{\"iss\":" + quoted(issuer)
                + ",\"aud\":" + quoted(connection)
                + ",\"iat\":" + now
                + ",\"exp\":" + (now + LIFE)
                + ",\"email\":" + quoted(email)
                + ",\"email_verified\":true}";
        String signed = encoded(header.getBytes(UTF_8)) + "." + encoded(claims.getBytes(UTF_8));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(secret.getBytes(UTF_8), "HmacSHA256"));
        return signed + "." + encoded(mac.doFinal(signed.getBytes(UTF_8)));
    }

    private static String encoded(byte[] data) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(data);
    }

    // A JSON string: Java's own library has no JSON. Nobody can add a claim by a quotation mark in an address.
    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (char character : text.toCharArray()) {
            if (character == '"' || character == '\\') {
                json.append('\\').append(character);
            } else if (character < ' ') {
                json.append(String.format("\\u%04x", (int) character));
            } else {
                json.append(character);
            }
        }
        return json.append('"').toString();
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }

    public static void main(String[] arguments) throws GeneralSecurityException {
        if (arguments.length != 1) {
            System.err.println("usage: java VisitorToken.java EMAIL");
            System.exit(1);
        }
        System.out.println(create(
                variable("VISITOR_TOKEN_SECRET"),
                variable("VISITOR_TOKEN_KID"),
                variable("VISITOR_TOKEN_ISSUER"),
                System.getenv().getOrDefault("VISITOR_TOKEN_CONNECTION", "default"),
                arguments[0]));
    }
}
