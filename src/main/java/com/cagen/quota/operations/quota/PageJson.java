package com.cagen.quota.operations.quota;

import com.cagen.quota.domain.request.Answer;
import com.cagen.quota.engine.operation.JsonText;
import com.cagen.quota.storage.rows.QuotaRows;
import java.util.function.BiConsumer;

/** A page of a list with its position and the total. */
public final class PageJson {
    private PageJson() {}

    /** @param name of the field that holds the items, each written by {@code item} */
    public static <T> Answer.Success answer(
            String message, String name, QuotaRows.Page<T> page, int number, int size, BiConsumer<T, JsonText> item) {
        return new Answer.Success(
                message,
                JsonText.object(json -> json.objects(name, page.items(), item)
                        .put("total_count", page.totalCount())
                        .put("page", number)
                        .put("page_size", size)
                        .put("total_pages", (page.totalCount() + size - 1) / size)),
                false);
    }
}
