package com.cagen.quota;

/** Placeholder. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {}
}
