package com.cagen.quota.config;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.regex.Pattern;

/** Tells addresses that only this machine reaches from all others. */
final class Loopback {
    private static final String BYTE = "(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])";
    private static final Pattern IPV4 = Pattern.compile("127(\\." + BYTE + "){3}");
    /** A superset: with two colons and these characters alone, Java parses the text and never resolves it as a name. */
    private static final Pattern IPV6 = Pattern.compile("[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*");

    private Loopback() {}

    /**
     * Whether {@code host} is {@code localhost} or a literal loopback address. Names are never looked up: what a name stands for
     * may change after the check.
     *
     * @param host IPv6 addresses with or without brackets
     */
    static boolean is(String host) {
        if (host.equals("localhost") || IPV4.matcher(host).matches()) {
            return true;
        }
        boolean bracketed = host.startsWith("[") && host.endsWith("]");
        String address = bracketed ? host.substring(1, host.length() - 1) : host;
        if (!IPV6.matcher(address).matches()) {
            return false;
        }
        try {
            return InetAddress.getByName(address).isLoopbackAddress();
        } catch (UnknownHostException e) {
            return false; // not an address
        }
    }
}
