package com.cagen.quota.storage.rows;

import com.cagen.quota.domain.audit.AuditEntry;
import com.cagen.quota.domain.quota.UsageChange;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Reads what an audit entry says of its quota's usage. Sealing does so with each entry, so without making objects of its details. */
public final class UsageChanges {
    private static final JsonFactory JSON = new JsonFactory();
    private static final String HELD_MB = "\"held_mb\":";
    private static final String USED_MB = "\"used_mb\":";
    private static final int CHANGES_LENGTH = "\"changes\":[{".length();

    private UsageChanges() {}

    /**
     * Null when the entry is about no quota, or neither a change of its usage nor a refusal of one. An entry of a journal that an earlier
     * release wrote may be null as well.
     */
    public static @Nullable UsageChange of(AuditEntry entry) {
        String quotaId = entry.quotaId();
        if (quotaId == null) {
            return null;
        } else if (entry.outcome().equals(AuditEntry.REFUSED)) {
            return entry.action().startsWith("usage.") ? UsageChange.refusal(entry.createdAt()) : null;
        } else if (entry.quotaVersion() == null || !entry.details().contains("\"held_mb\"")) {
            return null;
        }
        UsageChange only = onlyChange(entry);
        if (only != null) {
            return only;
        }
        try (JsonParser json = JSON.createParser(entry.details())) {
            return changes(json, quotaId, entry);
        } catch (IOException e) {
            // No cause: it quotes the text.
            throw new IllegalStateException("the details of an audit entry are not JSON");
        }
    }

    /**
     * Null unless it is one change, as of most entries. Looks for the names with their quotes: in a string there would be backslashes
     * before these. Parsing every entry cost sealing a twentieth of the service's time.
     */
    private static @Nullable UsageChange onlyChange(AuditEntry entry) {
        String details = entry.details();
        int changes = details.indexOf("\"changes\":[{\"quota_id\":\"" + entry.quotaId() + "\"");
        int before = changes < 0 ? -1 : details.indexOf(HELD_MB, changes);
        int after = before < 0 ? -1 : details.indexOf(HELD_MB, before + 1);
        int used = after < 0 ? -1 : details.lastIndexOf(USED_MB, after);
        boolean only = used > before && details.indexOf("{\"quota_id\":", changes + CHANGES_LENGTH) < 0;
        return only
                ? UsageChange.of(
                        entry.createdAt(),
                        number(details, used + USED_MB.length()),
                        number(details, after + HELD_MB.length()) - number(details, before + HELD_MB.length()))
                : null;
    }

    private static long number(String text, int begin) {
        int end = begin;
        while (text.charAt(end) >= '0' && text.charAt(end) <= '9') {
            end++;
        }
        return Long.parseLong(text, begin, end, 10);
    }

    private static @Nullable UsageChange changes(JsonParser json, String quotaId, AuditEntry entry) throws IOException {
        UsageChange sum = null;
        json.nextToken();
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            boolean changes = json.currentName().equals("changes");
            if (json.nextToken() != JsonToken.START_ARRAY || !changes) {
                json.skipChildren();
                continue;
            }
            while (json.nextToken() == JsonToken.START_OBJECT) {
                UsageChange change = change(json, quotaId, entry);
                if (change != null) {
                    sum = sum == null ? change : sum.then(change);
                }
            }
        }
        return sum;
    }

    private static @Nullable UsageChange change(JsonParser json, String quotaId, AuditEntry entry) throws IOException {
        boolean same = false;
        Figures before = Figures.NONE;
        Figures after = Figures.NONE;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            JsonToken value = json.nextToken();
            if (name.equals("quota_id")) {
                same = quotaId.equals(json.getText());
            } else if (name.equals("before") && value == JsonToken.START_OBJECT) {
                before = figures(json);
            } else if (name.equals("after") && value == JsonToken.START_OBJECT) {
                after = figures(json);
            } else {
                json.skipChildren();
            }
        }
        return same && before.heldMb != null && after.heldMb != null && after.usedMb != null
                ? UsageChange.of(entry.createdAt(), after.usedMb, after.heldMb - before.heldMb)
                : null;
    }

    private record Figures(@Nullable Long usedMb, @Nullable Long heldMb) {
        static final Figures NONE = new Figures(null, null);
    }

    private static Figures figures(JsonParser json) throws IOException {
        Long usedMb = null;
        Long heldMb = null;
        while (json.nextToken() == JsonToken.FIELD_NAME) {
            String name = json.currentName();
            json.nextToken();
            if (name.equals("used_mb")) {
                usedMb = json.getLongValue();
            } else if (name.equals("held_mb")) {
                heldMb = json.getLongValue();
            } else {
                json.skipChildren();
            }
        }
        return new Figures(usedMb, heldMb);
    }
}
