"""What was seen on a network, from captures, logs and agents: SIP messages and what carries them.

items.py       what there is to see: messages, connections, keep-alives, errors
files.py       a capture file, by its first octets

octets.py, pcap.py, pcapng.py            files to packets
link.py, ip.py, icmp.py                  packets to datagrams and segments
datagrams.py, segments.py, tcp.py        these to what was sent
streams.py, websockets.py, messages.py   streams to messages and keep-alives
sip.py, lenient.py, output.py            one message, as far as it can be read; items in order

text.py, text_cut.py, text_marks.py, text_sides.py   messages as people paste them
hep.py, hep_stream.py   what agents mirror (HEP), in and out
own_log.py     our own server's events
"""
